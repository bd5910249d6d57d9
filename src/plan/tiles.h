// A tensor whose source is not row-major, cut into boxes that are read and written by long runs.
#pragma once

#include <cstdint>
#include <vector>

#include "tensorferry/dtype.h"

namespace tensorferry {

/// The extents of the boxes, at most `most` elements each, for which the runs in the source and
/// those in the row-major target together cost least. `strides` are the source's, in bytes.
Shape tile_extent(const Shape& shape, const std::vector<std::uint64_t>& strides,
                  std::uint32_t element, std::uint64_t most);

/// Whether each of these boxes is one range of a source without gaps: together they then read every
/// byte of it once, and each of them in few parts.
bool are_ranges(const Shape& shape, const std::vector<std::uint64_t>& strides,
                std::uint32_t element, const Shape& tile);

/// How many boxes of that extent there are.
std::uint64_t tile_count(const Shape& shape, const Shape& tile);

/// Box number `index`, in row-major order; those at the edges are smaller.
void tile_box(const Shape& shape, const Shape& tile, std::uint64_t index, Shape& start,
              Shape& extent);

/// Calls `visit(first, count)` for each run of consecutive elements of a row-major tensor that a
/// box is made of, in order.
template <typename Visit>
void for_each_run(const Shape& shape, const Shape& start, const Shape& extent, Visit visit) {
  std::size_t dims = shape.size();  // those before `dims` tell runs apart
  std::uint64_t run = 1, step = 1;
  while (dims > 0) {
    --dims;
    run *= extent[dims];
    step *= shape[dims];
    if (extent[dims] != shape[dims]) break;
  }
  std::uint64_t first = 0, runs = 1, all = 1;
  for (std::size_t d = shape.size(); d-- > 0;) {
    first += start[d] * all;
    all *= shape[d];
    if (d < dims) runs *= extent[d];
  }
  for (std::uint64_t i = 0; i < runs; ++i) {
    std::uint64_t at = first, rest = i, stride = step;
    for (std::size_t d = dims; d-- > 0;) {
      at += rest % extent[d] * stride;
      rest /= extent[d];
      stride *= shape[d];
    }
    visit(at, run);
  }
}

}  // namespace tensorferry
