#include "plan/strided_read.h"

#include <algorithm>
#include <numeric>

#include "plan/boxes.h"

namespace tensorferry {
namespace {

// What is read between two calls of copy_box().
constexpr std::uint64_t kBlockBytes = 512u << 10;
// Reading more at once gains little.
constexpr std::uint64_t kLongRun = 16u << 10;
// Rows and columns come in multiples of it where they can: those of a register.
constexpr std::uint64_t kWhole = 16;

}  // namespace

std::vector<std::size_t> by_stride(const std::vector<std::uint64_t>& strides) {
  std::vector<std::size_t> order(strides.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return strides[a] < strides[b]; });
  return order;
}

/// What is read at once, and where it lies in the scratch buffer.
struct StridedRead::Runs {
  std::uint64_t bytes;    // of one run, with what is skipped in it
  std::size_t dims;       // so many of order_ lie within a run
  std::uint64_t all = 0;  // bytes of all runs
  Shape strides;          // in the scratch buffer
};

StridedRead::Runs StridedRead::runs_of(const Shape& extent) const {
  Runs runs{element_, 0, 0, strides_};
  for (; runs.dims < order_.size(); ++runs.dims) {
    const std::size_t d = order_[runs.dims];
    if (extent[d] == 1) continue;
    if (runs.bytes >= kLongRun || strides_[d] > runs.bytes + kWorthSkipping) break;
    runs.bytes += (extent[d] - 1) * strides_[d];
  }
  runs.all = runs.bytes;
  for (std::size_t i = runs.dims; i < order_.size(); ++i) {
    runs.strides[order_[i]] = runs.all;
    runs.all *= extent[order_[i]];
  }
  return runs;
}

void StridedRead::fetch(std::uint64_t offset, const Shape& extent, const Runs& runs) const {
  make_room(scratch_, runs.all);
  std::vector<std::uint64_t> index(order_.size(), 0);
  std::uint64_t to = 0;
  for (;;) {
    source_(offset, std::span(scratch_).subspan(to, runs.bytes));
    std::size_t i = runs.dims;
    for (; i < order_.size(); ++i) {
      const std::size_t d = order_[i];
      offset += strides_[d];
      to += runs.strides[d];
      if (++index[i] < extent[d]) break;
      offset -= extent[d] * strides_[d];
      to -= extent[d] * runs.strides[d];
      index[i] = 0;
    }
    if (i == order_.size()) return;
  }
}

void StridedRead::read(std::uint64_t offset, const Shape& extent, std::byte* to,
                       const Shape& to_strides) const {
  const Runs runs = runs_of(extent);
  auto split = std::find_if(order_.rbegin(), order_.rend(),
                            [&](std::size_t dim) { return extent[dim] > 1; });
  if (runs.all <= kBlockBytes || split == order_.rend()) {
    fetch(offset, extent, runs);
    copy_box(to, to_strides, scratch_.data(), runs.strides, extent, element_);
    return;
  }
  // Of very long runs a block would hold too few to fill whole lines of the target.
  std::uint64_t most = kBlockBytes;
  if (runs.bytes > 2 * kLongRun && runs.all > runs.bytes) {
    most = kLongRun;
    split = std::find_if(order_.rend() - static_cast<std::ptrdiff_t>(runs.dims), order_.rend(),
                         [&](std::size_t dim) { return extent[dim] > 1; });
  }
  const std::size_t d = *split;
  std::uint64_t steps = std::clamp<std::uint64_t>(
      most / std::max<std::uint64_t>(runs.strides[d], 1), 1, extent[d] - 1);
  if (steps > kWhole) steps -= steps % kWhole;
  Shape part = extent;
  for (std::uint64_t at = 0; at < extent[d]; at += steps) {
    part[d] = std::min(steps, extent[d] - at);
    read(offset + at * strides_[d], part, to + at * to_strides[d], to_strides);
  }
}

}  // namespace tensorferry
