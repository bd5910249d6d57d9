#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <random>

#include "core/boxes.h"
#include "cpu_seconds.h"
#include "error_id.h"

using namespace tensorferry;

namespace {

// Boxes with the shapes that they refer to.
struct Boxes {
  std::deque<Shape> shapes;
  std::vector<Box> list;

  void add(Shape start, Shape extent) {
    const Shape& kept_start = shapes.emplace_back(std::move(start));
    const Shape& kept_extent = shapes.emplace_back(std::move(extent));
    list.push_back({&kept_start, &kept_extent, list.size()});
  }
};

bool overlap_pairwise(const std::vector<Box>& boxes) {
  for (const Box& a : boxes) {
    for (const Box& b : boxes) {
      if (a.index >= b.index) continue;
      bool apart = false;
      for (std::size_t d = 0; d < a.start->size(); ++d) {
        apart = apart || (*a.start)[d] >= (*b.start)[d] + (*b.extent)[d] ||
                (*b.start)[d] >= (*a.start)[d] + (*a.extent)[d] || (*a.extent)[d] == 0 ||
                (*b.extent)[d] == 0;
      }
      if (!apart) return true;
    }
  }
  return false;
}

double seconds(const std::vector<Box>& boxes, bool expected) {
  const double start = cpu_seconds();
  CHECK(find_overlap(boxes).has_value() == expected);
  return cpu_seconds() - start;
}

}  // namespace

TEST_CASE("boxes that touch do not overlap, and the pair that does is named") {
  Boxes boxes;
  boxes.add({0, 0}, {2, 2});
  boxes.add({2, 0}, {2, 2});
  boxes.add({0, 2}, {2, 2});
  CHECK(!find_overlap(boxes.list));
  boxes.add({1, 3}, {2, 1});
  CHECK(find_overlap(boxes.list) == std::pair<std::size_t, std::size_t>(2, 3));
}

TEST_CASE("boxes without elements are ignored, and scalars always overlap") {
  Boxes flat;
  flat.add({0}, {4});
  flat.add({2}, {0});
  CHECK(!find_overlap(flat.list));
  CHECK(!find_overlap({}));
  Boxes scalars;
  scalars.add({}, {});
  CHECK(!find_overlap(scalars.list));
  scalars.add({}, {});
  CHECK(find_overlap(scalars.list));
}

// No straight cut separates the five boxes of a pinwheel.
TEST_CASE("a pinwheel is a tiling") {
  Boxes wheel;
  wheel.add({0, 0}, {1, 2});
  wheel.add({0, 2}, {2, 1});
  wheel.add({2, 1}, {1, 2});
  wheel.add({1, 0}, {2, 1});
  wheel.add({1, 1}, {1, 1});
  CHECK(!find_overlap(wheel.list));
  wheel.add({1, 1}, {1, 1});
  CHECK(find_overlap(wheel.list) == std::pair<std::size_t, std::size_t>(4, 5));
}

TEST_CASE("random boxes get the same answer as all pairs") {
  std::mt19937 random(7);
  int overlapping = 0;
  for (int round = 0; round < 3000; ++round) {
    Boxes boxes;
    const std::size_t rank = 1 + random() % 3, count = 2 + random() % 6;
    for (std::size_t i = 0; i < count; ++i) {
      Shape start, extent;
      for (std::size_t d = 0; d < rank; ++d) {
        start.push_back(random() % 8);
        extent.push_back(random() % 4);
      }
      boxes.add(start, extent);
    }
    const bool expected = overlap_pairwise(boxes.list);
    overlapping += expected ? 1 : 0;
    if (find_overlap(boxes.list).has_value() != expected) FAIL("round ", round);
  }
  CHECK(overlapping > 500);
  CHECK(overlapping < 2500);
}

TEST_CASE("many slices take about linear time") {
  Boxes rows, grid;
  for (std::uint64_t i = 0; i < 100'000; ++i) rows.add({(i * 7919) % 100'000, 0}, {1, 10});
  for (std::uint64_t i = 0; i < 300; ++i) {
    for (std::uint64_t j = 0; j < 300; ++j) grid.add({i * 5, j * 3}, {5, 3});
  }
  CHECK(seconds(rows.list, false) < 5);
  CHECK(seconds(grid.list, false) < 5);
  rows.add({50'000, 9}, {1, 1});
  CHECK(seconds(rows.list, true) < 5);
}

TEST_CASE("an arrangement made to be slow is refused in bounded time") {
  // A staircase of crossing bars: every cut separates one box only.
  Boxes stairs;
  constexpr std::uint64_t kSteps = 30'000;
  for (std::uint64_t i = 0; i < kSteps; ++i) {
    stairs.add({i, i}, {1, kSteps - i});
    stairs.add({i + 1, i}, {kSteps - i, 1});
  }
  const double start = cpu_seconds();
  CHECK(error_id([&] { find_overlap(stairs.list); }) == "unsupported.slices");
  CHECK(cpu_seconds() - start < 30);
}
