// Chunk shapes, and the walk through them. Pure.
#pragma once

#include <cstdint>

#include "tensorferry/dtype.h"

namespace tensorferry::hdf5 {

/// Of larger chunks none is written or read: each has to be in memory as a whole.
inline constexpr std::uint64_t kMostChunk = std::uint64_t{1} << 30;

/// What a chunk of `bytes` bytes takes at most when it is compressed: above the bounds of zlib and
/// of libdeflate, which are 5 to 9 bytes for each 5000 of what does not compress.
constexpr std::uint64_t largest_compressed(std::uint64_t bytes) { return bytes + bytes / 512 + 64; }

/// How many parts of `part` it takes to cover `whole`, which is not 0.
constexpr std::uint64_t parts_of(std::uint64_t whole, std::uint64_t part) {
  return (whole - 1) / part + 1;
}

/// A chunk of at most `target_bytes` (but at least one element) that is one run of bytes of the
/// row-major tensor: the innermost extents whole, one extent split into even parts, the outer
/// ones 1. `shape` has no zero and at least one extent.
Shape chunk_shape(const Shape& shape, std::uint64_t element_bytes, std::uint64_t target_bytes);

/// The chunks of a tensor in row-major order, each cut at the tensor's edge.
class ChunkWalk {
 public:
  ChunkWalk(const Shape& shape, const Shape& chunk);

  bool done() const { return done_; }
  void next();
  const Shape& start() const { return start_; }  ///< in elements
  std::uint64_t elements() const { return element_count(extent_); }

 private:
  void cut();

  Shape shape_, chunk_, start_, extent_;
  bool done_ = false;
};

}  // namespace tensorferry::hdf5
