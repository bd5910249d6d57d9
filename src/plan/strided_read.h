// Boxes of elements out of ranges that are not row-major.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "plan/buffers.h"
#include "tensorferry/dtype.h"

namespace tensorferry {

/// Skipping fewer bytes than this between two runs costs less than one more system call.
inline constexpr std::uint64_t kWorthSkipping = 8192;

/// The dimensions from the densest to the widest.
std::vector<std::size_t> by_stride(const std::vector<std::uint64_t>& strides);

/// How to take boxes out of one piece. Reads runs that lie side by side in the file, as many as
/// stay in the second-level cache, and lets copy_box() spread them.
class StridedRead {
 public:
  /// Fills the span with what lies so many bytes into the piece.
  using Source = std::function<void(std::uint64_t, std::span<std::byte>)>;

  /// Refers to the vector and the buffer. `strides` in bytes, one a dimension.
  StridedRead(Source source, const std::vector<std::uint64_t>& strides, std::uint32_t element,
              Buffer& scratch)
      : source_(std::move(source)),
        strides_(strides),
        element_(element),
        scratch_(scratch),
        order_(by_stride(strides)) {}

  /// Copies the box at `offset`, in bytes into the piece, to `to`. When the box is a range of the
  /// piece, the source is asked for each of its bytes once.
  void read(std::uint64_t offset, const Shape& extent, std::byte* to,
            const Shape& to_strides) const;

 private:
  struct Runs;

  Runs runs_of(const Shape& extent) const;
  void fetch(std::uint64_t offset, const Shape& extent, const Runs& runs) const;

  Source source_;
  const std::vector<std::uint64_t>& strides_;
  std::uint32_t element_;
  Buffer& scratch_;
  std::vector<std::size_t> order_;
};

}  // namespace tensorferry
