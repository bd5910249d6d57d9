// The elements of one tensor, by index, as text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tensorferry/manifest.h"
#include "values.h"

namespace tensorferry::cli {

class Elements {
 public:
  virtual ~Elements() = default;
  /// The next calls of append() ask for `count` elements from `first` on.
  virtual void expect(std::uint64_t first, std::uint64_t count) = 0;
  /// Cheap when the row-major indices ascend. Throws Error.
  virtual void append(std::string& out, std::uint64_t index, Style style) = 0;
  /// Reads what is left, so that checksums are verified.
  virtual void finish() = 0;
};

/// `first` to `last` is all that will be asked for. Few: only parts of it, announced by expect().
/// Otherwise the elements come from one stream, read once. Strings are cut at `string_limit` bytes
/// in text (0 = never). Throws the tensor's problem, Error(unsupported) for opaque types.
std::unique_ptr<Elements> open_elements(const Tensor& tensor, std::uint64_t first,
                                        std::uint64_t last, bool few, const Limits& limits,
                                        std::size_t string_limit);

}  // namespace tensorferry::cli
