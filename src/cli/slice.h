// --slice '0:4,:,-1': a box of elements, written as in numpy.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tensorferry/dtype.h"

namespace tensorferry::cli {

/// What is written for one dimension: one index, or a range whose ends may be missing.
struct SliceItem {
  bool range = false;
  std::optional<std::int64_t> start, stop;  ///< an index has a start only; negative = from the end
  bool operator==(const SliceItem&) const = default;
};

/// Throws Error(usage.bad_slice). An empty text is no item.
std::vector<SliceItem> parse_slice(std::string_view text);

/// The elements `start` to `stop` of one dimension.
struct Span {
  std::uint64_t start = 0, stop = 0;
  bool dropped = false;  ///< a single index: the result has this dimension no more
  bool operator==(const Span&) const = default;
};

/// One span a dimension; those without an item are whole. Ranges are clipped as in numpy. Throws
/// Error(usage.bad_slice) for an index outside, and for more items than dimensions.
std::vector<Span> resolve_slice(const std::vector<SliceItem>& items, const Shape& shape);

/// The shape of what is taken out.
Shape sliced_shape(const std::vector<Span>& box);

}  // namespace tensorferry::cli
