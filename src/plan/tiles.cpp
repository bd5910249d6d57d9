#include "plan/tiles.h"

#include <algorithm>
#include <limits>

#include "plan/strided_read.h"

namespace tensorferry {
namespace {

// What one more call costs, as bytes that could be copied meanwhile: measured in the page cache. A
// write that ends within pages which are not there yet costs the file system most.
constexpr double kReadCall = 8192;
constexpr double kWriteCall = 98304;
// Extents come in multiples of it where they can: the elements of a register.
constexpr std::uint64_t kWhole = 16;

class Tiler {
 public:
  Tiler(const Shape& shape, const std::vector<std::uint64_t>& strides, std::uint32_t element)
      : shape_(shape), strides_(strides), element_(element), source_(by_stride(strides)) {
    for (std::size_t d = shape.size(); d-- > 0;) target_.push_back(d);
  }

  /// Grows along the target until `run` elements, then along the source.
  Shape tile(std::uint64_t run, std::uint64_t most) const {
    Shape tile(shape_.size(), 1);
    grow(tile, target_, run);
    grow(tile, source_, most);
    grow(tile, target_, most);
    for (std::size_t d = 0; d < tile.size(); ++d) even_out(tile[d], shape_[d]);
    return tile;
  }

  /// Of an element of such a box.
  double cost(const Shape& tile) const {
    double covered = element_, reads = 1;
    for (const std::size_t d : source_) {
      if (tile[d] == 1) continue;
      const auto extent = static_cast<double>(tile[d]), stride = static_cast<double>(strides_[d]);
      if (reads == 1 && stride - covered <= static_cast<double>(kWorthSkipping)) {
        covered += (extent - 1) * stride;
      } else {
        reads *= extent;
      }
    }
    double writes = 1, elements = 1;
    bool whole = true;
    for (const std::size_t d : target_) {
      const auto extent = static_cast<double>(tile[d]);
      elements *= extent;
      if (!whole) writes *= extent;
      whole = whole && tile[d] == shape_[d];
    }
    return (reads * (kReadCall + covered) + (writes - 1) * kWriteCall) / elements;
  }

 private:
  void grow(Shape& tile, const std::vector<std::size_t>& order, std::uint64_t most) const {
    std::uint64_t elements = 1;
    for (const std::uint64_t extent : tile) elements *= extent;
    for (const std::size_t d : order) {
      const std::uint64_t others = elements / tile[d];
      tile[d] = std::clamp(most / others, tile[d], shape_[d]);
      elements = others * tile[d];
    }
  }

  static void even_out(std::uint64_t& extent, std::uint64_t whole) {
    const std::uint64_t parts = (whole + extent - 1) / extent;
    const std::uint64_t even = (whole + parts - 1) / parts;
    extent = std::min(extent, (even + kWhole - 1) / kWhole * kWhole);
  }

  const Shape& shape_;
  const std::vector<std::uint64_t>& strides_;
  std::uint32_t element_;
  std::vector<std::size_t> source_, target_;
};

}  // namespace

Shape tile_extent(const Shape& shape, const std::vector<std::uint64_t>& strides,
                  std::uint32_t element, std::uint64_t most) {
  const Tiler tiler(shape, strides, element);
  Shape best = tiler.tile(most, most);
  double least = tiler.cost(best);
  for (std::uint64_t run = most / 2; run > 0; run /= 2) {
    Shape tile = tiler.tile(run, most);
    if (const double cost = tiler.cost(tile); cost < least) {
      least = cost;
      best = std::move(tile);
    }
  }
  return best;
}

bool are_ranges(const Shape& shape, const std::vector<std::uint64_t>& strides,
                std::uint32_t element, const Shape& tile) {
  std::uint64_t dense = element;  // the stride of the dimension at hand, were there no gaps
  bool cut = false;
  for (const std::size_t d : by_stride(strides)) {
    if (shape[d] == 1) continue;
    if (strides[d] != dense || (cut && tile[d] != 1)) return false;
    cut = cut || tile[d] != shape[d];
    dense *= shape[d];
  }
  return true;
}

std::uint64_t tile_count(const Shape& shape, const Shape& tile) {
  std::uint64_t count = 1;
  for (std::size_t d = 0; d < shape.size(); ++d) count *= (shape[d] + tile[d] - 1) / tile[d];
  return count;
}

void tile_box(const Shape& shape, const Shape& tile, std::uint64_t index, Shape& start,
              Shape& extent) {
  start.resize(shape.size());
  extent.resize(shape.size());
  for (std::size_t d = shape.size(); d-- > 0;) {
    const std::uint64_t count = (shape[d] + tile[d] - 1) / tile[d];
    start[d] = index % count * tile[d];
    extent[d] = std::min(tile[d], shape[d] - start[d]);
    index /= count;
  }
}

}  // namespace tensorferry
