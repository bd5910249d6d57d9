// A tensor's elements in the representation, from wherever its pieces lie.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "plan/buffers.h"
#include "plan/cast.h"
#include "plan/checksums.h"
#include "plan/read_ahead.h"
#include "tensorferry/manifest.h"

namespace tensorferry {

/// What one reading thread keeps between calls.
struct ReadContext {
  CrcParts* checksums =
      nullptr;  ///< nothing = parts of a tensor are read, checksums cannot be told
  std::atomic<std::uint64_t>* bools = nullptr;  ///< counts bool bytes that were neither 0 nor 1
  CastTallies* casts = nullptr;                 ///< what casts do to values is counted here
  Buffer scratch, uncast;
  ReadAhead ahead;
};

/// Reads any range of elements of a fixed-size tensor: row-major, little-endian, normalised, cast.
/// Thread-safe; refers to the tensor, which must stay.
class TensorSource {
 public:
  /// `key` tells this tensor's checksums from those of others that share a ReadContext::checksums.
  explicit TensorSource(const Tensor& tensor, std::uint64_t key = 0);

  /// Fills `out` with the elements from `first` on. Compares each piece's checksum when its last
  /// byte has been read. Throws Error in_tensor.
  void read(std::uint64_t first, std::span<std::byte> out, ReadContext& context) const;

  /// The same of a box of elements, row-major, of a tensor that is_tileable(). Takes part in the
  /// piece's checksum only when `verified`: the tensor is cut so that it can (Tiling::verified).
  void read_tile(const Shape& start, const Shape& extent, std::span<std::byte> out,
                 ReadContext& context, bool verified) const;

  /// Verifies what read() cannot: checksums that need the whole range in order. Once, before
  /// reading all of it.
  void verify_ahead() const;

  /// True when the source is not row-major: larger ranges are then read with much less waste.
  bool strided() const { return strided_; }

 private:
  struct Box;

  void read_stored(std::uint64_t first, std::span<std::byte> out, ReadContext& context) const;
  void read_cast(std::uint64_t first, std::span<std::byte> out, ReadContext& context) const;
  void read_stored_tile(const Box& box, std::span<std::byte> out, ReadContext& context) const;
  std::size_t shift_of(std::uint64_t first, const std::byte* buffer) const;
  void cast(std::span<const std::byte> in, std::span<std::byte> out, std::uint64_t first,
            ReadContext& context) const;
  void bring_to_form(std::span<std::byte> out, ReadContext& context) const;
  void read_packed(std::uint64_t first, std::span<std::byte> out, ReadContext& context) const;
  void read_boxes(std::uint64_t first, std::span<std::byte> out, ReadContext& context) const;
  void read_box(const Box& box, std::span<std::byte> out, ReadContext& context) const;
  void read_range(std::size_t piece, std::uint64_t offset, std::span<std::byte> bytes,
                  ReadContext& context, bool verified) const;

  const Tensor& tensor_;
  std::uint64_t key_;
  DType stored_;  // below read() elements are of this dtype
  std::uint32_t element_bytes_, component_bytes_;
  bool whole_ = false;  // one row-major piece
  bool strided_ = false;
};

}  // namespace tensorferry
