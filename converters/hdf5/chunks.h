// Chunk shapes, and the walk through them. Pure.
#pragma once

#include <cstdint>

#include "tensorferry/dtype.h"

namespace tensorferry::hdf5 {

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
  const Shape& start() const { return start_; }    ///< in elements
  const Shape& extent() const { return extent_; }  ///< in elements
  std::uint64_t elements() const { return element_count(extent_); }

 private:
  void cut();

  Shape shape_, chunk_, start_, extent_;
  bool done_ = false;
};

}  // namespace tensorferry::hdf5
