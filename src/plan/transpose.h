// Planes of elements whose rows become columns, in vector registers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tensorferry {

/// `rows` x `columns` elements: those of a row lie side by side in the source, those of a column in
/// the target. Steps in bytes, from one row of the source, one column of the target, to the next.
struct Turn {
  std::uint64_t rows, columns, from_step, to_step;
};

struct TransposeVersion {
  std::string_view name;
  /// Copies as many whole blocks as there are from the first element on; the rest is the caller's.
  void (*blocks)(std::byte* to, const std::byte* from, const Turn& turn);
  std::uint64_t block;  ///< rows and columns of a block
};

/// Those for elements of that many bytes that this processor can run, the fastest first. None for
/// other sizes and processors.
std::vector<TransposeVersion> transpose_versions(std::size_t element);

}  // namespace tensorferry
