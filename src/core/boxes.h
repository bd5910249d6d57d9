// Do boxes of elements tile a tensor?
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "tensorferry/dtype.h"

namespace tensorferry {

/// A box of elements: `start` and `extent` have the same rank, and their sums do not overflow.
struct Box {
  const Shape* start;
  const Shape* extent;
  std::size_t index;  ///< the caller's number
};

/// Two boxes that share an element (by `index`), if there are any. Boxes without elements are
/// ignored. O(n log n) for boxes that straight cuts can separate, which is how programs partition;
/// throws Error(unsupported.slices) for arrangements made to be slow.
std::optional<std::pair<std::size_t, std::size_t>> find_overlap(std::vector<Box> boxes);

}  // namespace tensorferry
