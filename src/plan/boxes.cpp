#include "plan/boxes.h"

#include <algorithm>
#include <cstring>

namespace tensorferry {
namespace {

template <std::size_t kBytes>
void copy_elements(std::byte* to, std::uint64_t to_stride, const std::byte* from,
                   std::uint64_t from_stride, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    std::memcpy(to, from, kBytes);
    to += to_stride;
    from += from_stride;
  }
}

void copy_row(std::byte* to, std::uint64_t to_stride, const std::byte* from,
              std::uint64_t from_stride, std::uint64_t count, std::size_t element) {
  switch (element) {
    case 1:
      return copy_elements<1>(to, to_stride, from, from_stride, count);
    case 2:
      return copy_elements<2>(to, to_stride, from, from_stride, count);
    case 4:
      return copy_elements<4>(to, to_stride, from, from_stride, count);
    case 8:
      return copy_elements<8>(to, to_stride, from, from_stride, count);
    case 16:
      return copy_elements<16>(to, to_stride, from, from_stride, count);
    default:
      for (std::uint64_t i = 0; i < count; ++i) {
        std::memcpy(to + i * to_stride, from + i * from_stride, element);
      }
  }
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
  const std::size_t row = rank - 1;
  Shape index(row, 0);
  for (;;) {
    copy_row(to, to_strides[row], from, from_strides[row], extent[row], run);
    std::size_t d = row;
    while (d > 0) {
      --d;
      to += to_strides[d];
      from += from_strides[d];
      if (++index[d] < extent[d]) break;
      to -= extent[d] * to_strides[d];
      from -= extent[d] * from_strides[d];
      index[d] = 0;
      if (d == 0) return;
    }
    if (row == 0) return;
  }
}

}  // namespace tensorferry
