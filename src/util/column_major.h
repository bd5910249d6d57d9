// Strides of elements whose first dimension runs fastest.
#pragma once

#include <cstdint>
#include <vector>

#include "tensorferry/dtype.h"

namespace tensorferry {

/// In bytes. Throws Error(corrupt) on overflow.
inline std::vector<std::uint64_t> column_major_strides(const Shape& shape,
                                                       std::uint64_t element_bytes) {
  std::vector<std::uint64_t> strides;
  std::uint64_t stride = element_bytes;
  for (std::uint64_t extent : shape) {
    strides.push_back(stride);
    stride = checked_multiply(stride, extent == 0 ? 1 : extent);
  }
  return strides;
}

}  // namespace tensorferry
