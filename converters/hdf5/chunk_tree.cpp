#include "chunk_tree.h"

#include <algorithm>

#include "chunks.h"
#include "header_writer.h"
#include "util/fields.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::uint64_t kFront = 24, kChild = 8;

std::uint64_t key_bytes(std::size_t rank) { return 8 * (rank + 2); }

std::uint64_t node_bytes(std::size_t rank, HalfNode half) {
  return kFront + (2 * half + 1) * key_bytes(rank) + 2 * half * kChild;
}

std::uint64_t nodes_above(std::uint64_t children, HalfNode half) {
  return parts_of(children, 2 * half);
}

/// Nodes of all levels.
std::uint64_t nodes_of(std::uint64_t chunks, HalfNode half) {
  std::uint64_t nodes = 0, level = chunks;
  do {
    level = nodes_above(level, half);
    nodes += level;
  } while (level > 1);
  return nodes;
}

class TreeFiller {
 public:
  TreeFiller(const ChunkTree& tree, std::string& file, HalfNode half,
             std::span<const StoredChunk> stored)
      : tree_(tree), file_(file), half_(half), stored_(stored) {
    for (std::size_t axis = 0; axis < tree.shape.size(); ++axis)
      counts_.push_back(parts_of(tree.shape[axis], tree.chunk[axis]));
  }

  // Levels lie behind each other, the root last.
  void fill() {
    const std::uint64_t size = node_bytes(tree_.shape.size(), half_);
    std::uint64_t below = 0, at = tree_.address, span = 1;  // span: chunks below a child
    for (unsigned level = 0;; ++level) {
      const std::uint64_t children = parts_of(stored_.size(), span);
      const std::uint64_t nodes = nodes_above(children, half_);
      for (std::uint64_t i = 0; i < nodes; ++i) {
        at_ = at + i * size;
        put_front(level, std::min<std::uint64_t>(2 * half_, children - i * 2 * half_),
                  i == 0 ? kNowhere : at_ - size, i + 1 == nodes ? kNowhere : at_ + size);
        for (std::uint64_t c = i * 2 * half_; c < std::min(children, (i + 1) * 2 * half_); ++c) {
          put_key(c * span);
          put(level == 0 ? stored_[c].address : below + c * size, 8);
        }
        put_key(std::min<std::uint64_t>((i + 1) * 2 * half_ * span, stored_.size()));
      }
      if (nodes == 1) return;
      below = at;
      at += nodes * size;
      span *= 2 * half_;
    }
  }

 private:
  void put(std::uint64_t value, std::size_t bytes) {
    put_number(&file_[at_], value, bytes);
    at_ += bytes;
  }

  void put_front(unsigned level, std::uint64_t children, std::uint64_t left, std::uint64_t right) {
    std::string_view("TREE").copy(&file_[at_], 4);
    at_ += 4;
    put(1, 1);
    put(level, 1);
    put(children, 2);
    put(left, 8);
    put(right, 8);
  }

  // Of a chunk, or of the end behind the last one.
  void put_key(std::uint64_t chunk) {
    const std::size_t rank = tree_.shape.size();
    const bool end = chunk == stored_.size();
    std::uint64_t left = end ? chunk - 1 : chunk;
    put(end ? 0 : stored_[chunk].bytes, 8);  // no filter is left out
    for (std::size_t axis = rank; axis-- > 0; left /= counts_[axis]) {
      const std::uint64_t place = left % counts_[axis] + (end ? 1 : 0);
      put_number(&file_[at_ + 8 * axis], place * tree_.chunk[axis], 8);
    }
    at_ += 8 * rank;
    put(end ? tree_.element_bytes : 0, 8);
  }

  const ChunkTree& tree_;
  std::string& file_;
  HalfNode half_;
  std::span<const StoredChunk> stored_;
  Shape counts_;  // chunks along each dimension
  std::uint64_t at_ = 0;
};

}  // namespace

std::uint64_t ChunkTree::chunks() const {
  std::uint64_t count = 1;
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    count *= parts_of(shape[axis], chunk[axis]);
  return count;
}

std::uint64_t ChunkTree::bytes(HalfNode half) const {
  return nodes_of(chunks(), half) * node_bytes(shape.size(), half);
}

std::uint64_t ChunkTree::root(HalfNode half) const {
  return address + bytes(half) - node_bytes(shape.size(), half);
}

void ChunkTree::put(std::string& file, HalfNode half, std::span<const StoredChunk> stored) const {
  TreeFiller(*this, file, half, stored).fill();
}

HalfNode best_half_node(std::span<const ChunkTree> trees) {
  HalfNode best = kUsualHalfNode;
  std::uint64_t least = ~std::uint64_t{0};
  for (HalfNode half = kUsualHalfNode; half > 1; half /= 2) {
    std::uint64_t bytes = 0;
    for (const ChunkTree& tree : trees) bytes += tree.bytes(half);
    if (bytes >= least) continue;
    least = bytes;
    best = half;
  }
  return best;
}

}  // namespace tensorferry::hdf5
