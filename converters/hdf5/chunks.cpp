#include "chunks.h"

#include <algorithm>

namespace tensorferry::hdf5 {

Shape chunk_shape(const Shape& shape, std::uint64_t element_bytes, std::uint64_t target_bytes) {
  Shape chunk(shape.size(), 1);
  std::uint64_t room = std::max<std::uint64_t>(target_bytes / element_bytes, 1);  // in elements
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] <= room) {
      chunk[axis] = shape[axis];
      room /= shape[axis];
      continue;
    }
    const std::uint64_t parts = parts_of(shape[axis], room);
    chunk[axis] = parts_of(shape[axis], parts);
    break;
  }
  return chunk;
}

ChunkWalk::ChunkWalk(const Shape& shape, const Shape& chunk)
    : shape_(shape), chunk_(chunk), start_(shape.size(), 0), extent_(shape.size()) {
  cut();
}

void ChunkWalk::next() {
  for (std::size_t axis = shape_.size(); axis-- > 0;) {
    if (chunk_[axis] < shape_[axis] - start_[axis]) {
      start_[axis] += chunk_[axis];
      return cut();
    }
    start_[axis] = 0;
  }
  done_ = true;
}

void ChunkWalk::cut() {
  for (std::size_t axis = 0; axis < shape_.size(); ++axis) {
    extent_[axis] = std::min(chunk_[axis], shape_[axis] - start_[axis]);
  }
}

}  // namespace tensorferry::hdf5
