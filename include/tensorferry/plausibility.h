// Whether bytes look like numbers of the dtype that they are said to be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tensorferry/manifest.h"

namespace tensorferry {

/// Why a tensor's elements are hardly of its dtype.
struct Doubt {
  std::string found;  ///< "exponents spread like noise"
  std::string
      better;  ///< "big-endian float32", "int64", "text"; empty = nothing that is tried fits
};

/// A look at 64 KiB of elements at most: of 16, 32 and 64-bit integers, of float16 to float64 and
/// their complex numbers. Tensors of fewer than 64 elements, or with fewer than 64 in the sample
/// that are not zero, are never doubted, nor is what cannot be read. The rule and its measured
/// rates: src/plan/plausibility.h.
std::optional<Doubt> doubt(const Tensor& tensor);

/// The same of the tensors of a manifest, those with the same dtype and doubt in one note,
/// "plausibility.dtype". Looks at 1000 tensors at most, evenly spread.
std::vector<Note> doubts(const Manifest& manifest);

}  // namespace tensorferry
