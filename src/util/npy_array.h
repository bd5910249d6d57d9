// An array in .npy form, wherever it lies, as a tensor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tensorferry/manifest.h"

namespace tensorferry {

/// Describes arrays and gathers what is to be said of all of them together.
class NpyArrays {
 public:
  /// `opaque`: the dtype of elements that numpy calls void, `|V1` or `|V2`, of its width.
  explicit NpyArrays(std::optional<DType> opaque) : opaque_(opaque) {}

  /// The array that fills `range`, header and elements; a problem where it cannot be read. Elements
  /// that are bytes without a meaning stand as uint8 or uint16 until resolve(). `crc32`: of the
  /// whole range, verified with the elements.
  Tensor describe(std::string name, const FileRange& range,
                  std::optional<std::uint32_t> crc32 = std::nullopt);

  /// To be called once, after tags were applied: what no tag gave a meaning is `opaque`, or
  /// bfloat16 with a note where it has two bytes, or a problem.
  void resolve(Manifest& manifest);

  /// Bytes of the last described array in its range: header and elements; the range's length where
  /// it could not be read.
  std::uint64_t used() const { return used_; }

 private:
  void fill(Tensor& tensor, const FileRange& range, std::optional<std::uint32_t> crc32);

  std::optional<DType> opaque_;
  std::uint64_t used_ = 0;
  std::uint64_t trailing_ = 0, repeated_ = 0;
};

}  // namespace tensorferry
