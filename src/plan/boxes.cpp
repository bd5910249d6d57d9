#include "plan/boxes.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "plan/transpose.h"

namespace tensorferry {
namespace {

constexpr std::uint64_t kTile = 16;

/// A box of two dimensions: `steps` in bytes.
struct Plane {
  std::uint64_t extent[2], to_step[2], from_step[2];
};

/// Copies in tiles: the outer dimension is nearly dense in the source and the inner one in the
/// target, so going through either of them whole would touch a cache line for each element.
template <std::size_t kBytes>
void copy_elements(std::byte* to, const std::byte* from, const Plane& plane) {
  for (std::uint64_t i0 = 0; i0 < plane.extent[0]; i0 += kTile) {
    const std::uint64_t i1 = std::min(i0 + kTile, plane.extent[0]);
    for (std::uint64_t j0 = 0; j0 < plane.extent[1]; j0 += kTile) {
      const std::uint64_t j1 = std::min(j0 + kTile, plane.extent[1]);
      for (std::uint64_t i = i0; i < i1; ++i) {
        std::byte* t = to + i * plane.to_step[0] + j0 * plane.to_step[1];
        const std::byte* f = from + i * plane.from_step[0] + j0 * plane.from_step[1];
        for (std::uint64_t j = j0; j < j1; ++j) {
          std::memcpy(t, f, kBytes);
          t += plane.to_step[1];
          f += plane.from_step[1];
        }
      }
    }
  }
}

void copy_portably(std::byte* to, const std::byte* from, const Plane& plane, std::size_t element) {
  switch (element) {
    case 1:
      return copy_elements<1>(to, from, plane);
    case 2:
      return copy_elements<2>(to, from, plane);
    case 4:
      return copy_elements<4>(to, from, plane);
    case 8:
      return copy_elements<8>(to, from, plane);
    case 16:
      return copy_elements<16>(to, from, plane);
    default:
      for (std::uint64_t i = 0; i < plane.extent[0]; ++i) {
        for (std::uint64_t j = 0; j < plane.extent[1]; ++j) {
          std::memcpy(to + i * plane.to_step[0] + j * plane.to_step[1],
                      from + i * plane.from_step[0] + j * plane.from_step[1], element);
        }
      }
  }
}

/// The fastest version for each size, or none.
const TransposeVersion* fastest(std::size_t element) {
  static const std::vector<TransposeVersion> versions[] = {
      transpose_versions(1), transpose_versions(2), transpose_versions(4), transpose_versions(8)};
  if (!std::has_single_bit(element) || element > 8) return nullptr;
  const auto& all = versions[std::countr_zero(element)];
  return all.empty() ? nullptr : &all.front();
}

void copy_plane(std::byte* to, const std::byte* from, const Plane& plane, std::size_t element) {
  const bool turns = plane.from_step[0] == element && plane.to_step[1] == element;
  const TransposeVersion* version = turns ? fastest(element) : nullptr;
  const std::uint64_t block = version ? version->block : 1;
  if (!version || plane.extent[0] < block || plane.extent[1] < block)
    return copy_portably(to, from, plane, element);
  version->blocks(to, from,
                  {plane.extent[1], plane.extent[0], plane.from_step[1], plane.to_step[0]});
  const std::uint64_t whole[2] = {plane.extent[0] / block * block, plane.extent[1] / block * block};
  Plane rest = plane;
  rest.extent[0] = whole[0];
  rest.extent[1] -= whole[1];
  copy_portably(to + whole[1] * plane.to_step[1], from + whole[1] * plane.from_step[1], rest,
                element);
  rest.extent[0] = plane.extent[0] - whole[0];
  rest.extent[1] = plane.extent[1];
  copy_portably(to + whole[0] * plane.to_step[0], from + whole[0] * plane.from_step[0], rest,
                element);
}

}  // namespace

Shape dense_strides(const Shape& extent, std::uint64_t element) {
  Shape strides(extent.size());
  for (std::size_t d = extent.size(); d-- > 0;) {
    strides[d] = element;
    element *= extent[d];
  }
  return strides;
}

std::uint64_t leading_box(const Shape& shape, std::uint64_t first, std::uint64_t count,
                          Shape& start, Shape& extent) {
  start.assign(shape.size(), 0);
  extent.assign(shape.size(), 1);
  std::uint64_t inner = 1;  // elements of one step of the dimension looked at
  std::uint64_t boxed = 1;
  bool growing = true;
  std::uint64_t rest = first;
  for (std::size_t d = shape.size(); d-- > 0;) {
    std::uint64_t index = rest % shape[d];
    rest /= shape[d];
    start[d] = index;
    if (growing) {
      std::uint64_t steps = std::min(shape[d] - index, count / inner);
      extent[d] = std::max<std::uint64_t>(steps, 1);
      boxed = inner * extent[d];
      growing = extent[d] == shape[d];
    }
    inner *= shape[d];
  }
  return boxed;
}

void copy_box(std::byte* to, const Shape& to_strides, const std::byte* from,
              const Shape& from_strides, const Shape& extent, std::size_t element) {
  // Innermost dimensions that are dense on both sides are one run of bytes.
  std::size_t rank = extent.size();
  std::size_t run = element;
  while (rank > 0 && ((to_strides[rank - 1] == run && from_strides[rank - 1] == run) ||
                      extent[rank - 1] == 1)) {
    run *= extent[rank - 1];
    --rank;
  }
  if (rank == 0) {
    std::memcpy(to, from, run);
    return;
  }
  // The last dimension is the densest one of the target; beside it goes that of the source.
  const std::size_t last = rank - 1;
  std::size_t first = last;
  for (std::size_t d = 0; d < last; ++d) {
    if (extent[d] > 1 && (first == last || from_strides[d] < from_strides[first])) first = d;
  }
  Plane plane{{1, extent[last]}, {0, to_strides[last]}, {0, from_strides[last]}};
  if (first != last) {
    plane.extent[0] = extent[first];
    plane.to_step[0] = to_strides[first];
    plane.from_step[0] = from_strides[first];
  }
  Shape index(last, 0);
  for (;;) {
    copy_plane(to, from, plane, run);
    std::size_t d = last;
    for (;;) {
      if (d == 0) return;
      if (--d == first) continue;
      to += to_strides[d];
      from += from_strides[d];
      if (++index[d] < extent[d]) break;
      to -= extent[d] * to_strides[d];
      from -= extent[d] * from_strides[d];
      index[d] = 0;
    }
  }
}

}  // namespace tensorferry
