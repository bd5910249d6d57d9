#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "plan/boxes.h"

using namespace tensorferry;

namespace {

/// Element by element.
void copy_plainly(std::byte* to, const Shape& to_strides, const std::byte* from,
                  const Shape& from_strides, const Shape& extent, std::size_t element,
                  std::size_t dimension = 0) {
  if (dimension == extent.size()) {
    std::memcpy(to, from, element);
    return;
  }
  for (std::uint64_t i = 0; i < extent[dimension]; ++i) {
    copy_plainly(to + i * to_strides[dimension], to_strides, from + i * from_strides[dimension],
                 from_strides, extent, element, dimension + 1);
  }
}

}  // namespace

TEST_CASE("any permutation of any shape is copied as element by element") {
  std::mt19937 random(1);
  const auto below = [&](std::uint64_t limit) { return random() % limit; };
  for (int round = 0; round < 400; ++round) {
    const std::size_t rank = 1 + below(5);
    const std::size_t element = std::vector<std::size_t>{1, 2, 3, 4, 8, 16, 40}[below(7)];
    Shape whole(rank), extent(rank);
    std::vector<std::size_t> order(rank);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), random);
    for (std::size_t d = 0; d < rank; ++d) {
      extent[d] = 1 + below(rank < 3 ? 170 : 9);
      whole[d] = extent[d] + below(2) * below(3);  // sometimes a part of something larger
    }
    // The source holds the dimensions in another order.
    Shape permuted(rank), from_strides(rank);
    for (std::size_t d = 0; d < rank; ++d) permuted[d] = whole[order[d]];
    const Shape dense = dense_strides(permuted, element);
    for (std::size_t d = 0; d < rank; ++d) from_strides[order[d]] = dense[d];
    const Shape to_strides = dense_strides(below(2) ? extent : whole, element);

    const std::uint64_t size = element_count(whole) * element;
    std::vector<std::byte> from(size), to(size), expected(size);
    for (std::byte& b : from) b = static_cast<std::byte>(random());
    copy_box(to.data(), to_strides, from.data(), from_strides, extent, element);
    copy_plainly(expected.data(), to_strides, from.data(), from_strides, extent, element);
    CAPTURE(round);
    REQUIRE(to == expected);
  }
}
