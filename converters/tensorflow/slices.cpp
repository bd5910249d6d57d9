#include "slices.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "tensorferry/error.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::uint64_t kMostComparisons = 100'000'000;

std::string describe(const Box& box) {
  Slice slice;
  for (std::size_t d = 0; d < box.start.size(); ++d) {
    slice.push_back(
        {static_cast<std::int64_t>(box.start[d]), static_cast<std::int64_t>(box.extent[d])});
  }
  return slice_text(slice);
}

bool overlap(const Box& a, const Box& b) {
  for (std::size_t d = 0; d < a.start.size(); ++d) {
    if (a.start[d] + a.extent[d] <= b.start[d] || b.start[d] + b.extent[d] <= a.start[d])
      return false;
  }
  return true;
}

/// The dimension along which the boxes start at the most different places: a sweep along it
/// compares least.
std::size_t sweep_dimension(const std::vector<const Box*>& boxes, std::size_t rank) {
  std::size_t best = 0, most = 0;
  std::vector<std::uint64_t> starts(boxes.size());
  for (std::size_t d = 0; d < rank; ++d) {
    for (std::size_t i = 0; i < boxes.size(); ++i) starts[i] = boxes[i]->start[d];
    std::sort(starts.begin(), starts.end());
    const auto distinct =
        static_cast<std::size_t>(std::unique(starts.begin(), starts.end()) - starts.begin());
    if (distinct > most) {
      most = distinct;
      best = d;
    }
  }
  return best;
}

void check_disjoint(std::vector<const Box*> boxes, std::size_t rank) {
  if (boxes.size() < 2) return;
  if (rank == 0) throw Error(ErrorCode::corrupt, "slices", "two slices of a scalar");
  const std::size_t axis = sweep_dimension(boxes, rank);
  std::sort(boxes.begin(), boxes.end(),
            [axis](const Box* a, const Box* b) { return a->start[axis] < b->start[axis]; });
  std::vector<const Box*> open;  // those that reach the place of the sweep
  std::uint64_t comparisons = 0;
  for (const Box* box : boxes) {
    std::erase_if(open, [&](const Box* other) {
      return other->start[axis] + other->extent[axis] <= box->start[axis];
    });
    comparisons += (open.size() + 1) * rank;
    if (comparisons > kMostComparisons) {
      throw Error(ErrorCode::unsafe, "limit",
                  std::to_string(boxes.size()) + " slices are too interleaved to be compared");
    }
    for (const Box* other : open) {
      if (overlap(*box, *other)) {
        throw Error(ErrorCode::corrupt, "slices",
                    "slice " + describe(*box) + " overlaps slice " + describe(*other));
      }
    }
    open.push_back(box);
  }
}

}  // namespace

Box box_of(const Slice& slice, const Shape& shape) {
  const auto fail = [&](const std::string& why) {
    return Error(ErrorCode::corrupt, "slice", "slice " + slice_text(slice) + " " + why);
  };
  if (slice.size() != shape.size()) {
    throw fail("has rank " + std::to_string(slice.size()) + ", the tensor has shape " +
               to_string(shape));
  }
  Box box;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const SliceExtent& extent = slice[d];
    if (extent == SliceExtent{}) {
      box.start.push_back(0);
      box.extent.push_back(shape[d]);
      continue;
    }
    const auto start = static_cast<std::uint64_t>(extent.start);
    const auto length = static_cast<std::uint64_t>(extent.length);
    if (extent.start < 0 || extent.length < 0 || start > shape[d] || length > shape[d] - start) {
      throw fail("lies outside the tensor's shape " + to_string(shape));
    }
    box.start.push_back(start);
    box.extent.push_back(length);
  }
  return box;
}

void check_cover(const std::vector<Box>& boxes, const Shape& shape) {
  const std::uint64_t whole = element_count(shape);
  std::vector<const Box*> filled;
  std::uint64_t covered = 0;
  bool too_much = false;
  for (const Box& box : boxes) {
    const std::uint64_t elements = element_count(box.extent);
    if (elements == 0) continue;
    filled.push_back(&box);
    too_much = too_much || elements > whole - covered;
    if (!too_much) covered += elements;
  }
  // Boxes inside the shape hold more than it only when two of them overlap.
  check_disjoint(std::move(filled), shape.size());
  if (covered != whole) {
    throw Error(ErrorCode::corrupt, "slices",
                "the slices cover " + std::to_string(covered) + " of " + std::to_string(whole) +
                    " elements");
  }
}

}  // namespace tensorferry::tensorflow
