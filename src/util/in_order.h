// Sorting what nearly always is in order already.
#pragma once

#include <algorithm>

namespace tensorferry {

template <typename Iterator, typename Before>
void sort_unless_sorted(Iterator first, Iterator last, Before before) {
  if (!std::is_sorted(first, last, before)) std::sort(first, last, before);
}

/// [first, middle) and [middle, last), each nearly always in order, become one range in order.
template <typename Iterator, typename Before>
void sort_runs(Iterator first, Iterator middle, Iterator last, Before before) {
  sort_unless_sorted(first, middle, before);
  sort_unless_sorted(middle, last, before);
  std::inplace_merge(first, middle, last, before);
}

}  // namespace tensorferry
