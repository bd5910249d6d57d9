// Index arithmetic of boxes of elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tensorferry/dtype.h"

namespace tensorferry {

/// Strides, in units of `element`, of a dense row-major array.
Shape dense_strides(const Shape& extent, std::uint64_t element);

/// The largest box that begins at element `first` of a row-major array and is contiguous in it, at
/// most `count` elements long: leading indices fixed, a range of one dimension, all of the rest.
/// Returns its number of elements.
std::uint64_t leading_box(const Shape& shape, std::uint64_t first, std::uint64_t count,
                          Shape& start, Shape& extent);

/// Copies a box of elements of `element` bytes between two strided arrays (strides in bytes).
void copy_box(std::byte* to, const Shape& to_strides, const std::byte* from,
              const Shape& from_strides, const Shape& extent, std::size_t element);

}  // namespace tensorferry
