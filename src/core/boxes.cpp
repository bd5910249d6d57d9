#include "core/boxes.h"

#include <algorithm>

#include "tensorferry/error.h"

namespace tensorferry {
namespace {

using Overlap = std::optional<std::pair<std::size_t, std::size_t>>;

std::uint64_t end_of(const Box& box, std::size_t dim) {
  return (*box.start)[dim] + (*box.extent)[dim];
}

bool overlap(const Box& a, const Box& b) {
  for (std::size_t dim = 0; dim < a.start->size(); ++dim) {
    if ((*a.start)[dim] >= end_of(b, dim) || (*b.start)[dim] >= end_of(a, dim)) return false;
  }
  return true;
}

// A range of boxes that no cut across the last `uncut` dimensions tried could separate.
struct Group {
  std::size_t begin, end, dim, uncut;
};

class Search {
 public:
  explicit Search(std::vector<Box> boxes) : boxes_(std::move(boxes)) {}

  Overlap run() {
    const std::size_t rank = boxes_.front().start->size();
    groups_.push_back({0, boxes_.size(), 0, 0});
    while (!groups_.empty()) {
      const Group group = groups_.back();
      groups_.pop_back();
      if (group.uncut == rank) {
        if (Overlap found = sweep(group)) return found;
      } else {
        cut(group, rank);
      }
    }
    return std::nullopt;
  }

 private:
  void spend(std::size_t work) {
    constexpr std::size_t kMostWork = std::size_t{1} << 25;
    work_ += work;
    if (work_ > kMostWork) {
      throw Error(ErrorCode::unsupported, "slices",
                  "the arrangement of its slices is too intricate to check");
    }
  }

  void sort(const Group& group) {
    spend(4 * (group.end - group.begin));
    const auto first = boxes_.begin() + static_cast<std::ptrdiff_t>(group.begin);
    const auto last = boxes_.begin() + static_cast<std::ptrdiff_t>(group.end);
    std::sort(first, last, [dim = group.dim](const Box& a, const Box& b) {
      return std::pair((*a.start)[dim], a.index) < std::pair((*b.start)[dim], b.index);
    });
  }

  // Splits the group wherever a straight cut across `dim` crosses no box.
  void cut(const Group& group, std::size_t rank) {
    sort(group);
    const std::size_t next = (group.dim + 1) % rank;
    std::size_t begin = group.begin;
    std::uint64_t reach = 0;
    for (std::size_t i = group.begin; i < group.end; ++i) {
      if (i != begin && (*boxes_[i].start)[group.dim] >= reach) {
        if (i - begin > 1) groups_.push_back({begin, i, next, 0});
        begin = i;
      }
      reach = std::max(reach, end_of(boxes_[i], group.dim));
    }
    if (begin == group.begin) {
      groups_.push_back({begin, group.end, next, group.uncut + 1});
    } else if (group.end - begin > 1) {
      groups_.push_back({begin, group.end, next, 0});
    }
  }

  // Compares each box with those that reach as far as it along `dim`.
  Overlap sweep(const Group& group) {
    sort(group);
    std::vector<std::size_t> active;
    for (std::size_t i = group.begin; i < group.end; ++i) {
      spend(active.size() + 1);
      const std::uint64_t here = (*boxes_[i].start)[group.dim];
      std::erase_if(active,
                    [&](std::size_t other) { return end_of(boxes_[other], group.dim) <= here; });
      for (std::size_t other : active) {
        if (overlap(boxes_[other], boxes_[i])) {
          return std::minmax(boxes_[other].index, boxes_[i].index);
        }
      }
      active.push_back(i);
    }
    return std::nullopt;
  }

  std::vector<Box> boxes_;
  std::vector<Group> groups_;
  std::size_t work_ = 0;
};

}  // namespace

Overlap find_overlap(std::vector<Box> boxes) {
  std::erase_if(boxes, [](const Box& box) {
    return std::find(box.extent->begin(), box.extent->end(), 0u) != box.extent->end();
  });
  if (boxes.size() < 2) return std::nullopt;
  // Of scalars each box is the one element.
  if (boxes.front().start->empty()) return std::pair(boxes[0].index, boxes[1].index);
  return Search(std::move(boxes)).run();
}

}  // namespace tensorferry
