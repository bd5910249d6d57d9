// The vector kernels against one element at a time.
#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <vector>

#include "plan/transpose.h"

using namespace tensorferry;

TEST_CASE("every transpose kernel does what one element at a time does") {
  std::mt19937 random(3);
  for (const std::size_t element : std::vector<std::size_t>{1, 2, 4, 8}) {
    for (const TransposeVersion& version : transpose_versions(element)) {
      CAPTURE(element);
      CAPTURE(version.name);
      for (int round = 0; round < 200; ++round) {
        Turn turn{random() % 150, random() % 150, 0, 0};
        turn.from_step = turn.columns * element + random() % 9;
        turn.to_step = turn.rows * element + random() % 9;
        std::vector<std::byte> from(turn.rows * turn.from_step + 1);
        std::vector<std::byte> to(turn.columns * turn.to_step + 1), expected(to.size());
        for (std::byte& b : from) b = static_cast<std::byte>(random());
        version.blocks(to.data(), from.data(), turn);
        const std::uint64_t rows = turn.rows / version.block * version.block;
        const std::uint64_t columns = turn.columns / version.block * version.block;
        for (std::uint64_t r = 0; r < rows; ++r) {
          for (std::uint64_t c = 0; c < columns; ++c) {
            std::memcpy(expected.data() + c * turn.to_step + r * element,
                        from.data() + r * turn.from_step + c * element, element);
          }
        }
        REQUIRE(to == expected);  // and nothing beside the blocks is touched
      }
    }
  }
}

TEST_CASE("there is a kernel for the sizes of numbers only") {
  for (const std::size_t element : std::vector<std::size_t>{0, 3, 16, 40})
    CHECK(transpose_versions(element).empty());
}
