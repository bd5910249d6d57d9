// Where the chunks of a dataset lie: a B-tree of version 1 (HDF5 File Format Specification 3.0,
// section III.A.1, node type 1):
//
//   node | "TREE" | 1: u8 | level: u8 | children: u16 | left neighbour: u64 | right one: u64
//        | key, child: u64, key, child: u64, ..., key | room for as many as a node can have |
//   key  | stored bytes: u32 | filters left out: u32 | start of the chunk, each u64 | 0: u64 |
//
// A child is a chunk, or a node of the level below; the key in front of it is that of its first
// chunk. The last key lies one chunk behind the last one in every dimension, that of the bytes of
// an element included.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensorferry/dtype.h"

namespace tensorferry::hdf5 {

struct StoredChunk {
  std::uint64_t address;
  std::uint32_t bytes;
};

/// Half of the children that a node has room for; the same in a whole file.
using HalfNode = unsigned;
/// What files have that do not say otherwise.
inline constexpr HalfNode kUsualHalfNode = 32;

/// The tree of one dataset, whose place is known before its chunks are.
struct ChunkTree {
  Shape shape, chunk;
  std::uint64_t element_bytes = 1;
  std::uint64_t address = 0;  ///< of the first node

  std::uint64_t chunks() const;
  std::uint64_t chunk_bytes() const { return element_count(chunk) * element_bytes; }
  std::uint64_t bytes(HalfNode half) const;
  std::uint64_t root(HalfNode half) const;  ///< its address
  /// Fills `bytes(half)` bytes at `address` in `file`. `stored`: all chunks, in row-major order.
  void put(std::string& file, HalfNode half, std::span<const StoredChunk> stored) const;
};

/// With which the trees take the fewest bytes: nodes are never cut, and most tensors have few
/// chunks.
HalfNode best_half_node(std::span<const ChunkTree> trees);

}  // namespace tensorferry::hdf5
