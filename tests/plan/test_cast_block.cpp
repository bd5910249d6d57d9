#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "plan/cast.h"
#include "plan/cast_block.h"

using namespace tensorferry;

namespace {

constexpr std::pair<DType, DType> kPairs[] = {{DType::float32, DType::bfloat16},
                                              {DType::float32, DType::float16},
                                              {DType::float64, DType::float32},
                                              {DType::bfloat16, DType::float32},
                                              {DType::float16, DType::float32}};

void check_same(DType from, DType to, const std::vector<std::byte>& in) {
  const std::size_t count = in.size() / info(from).bytes;
  std::vector<std::byte> fast(count * info(to).bytes), slow(fast.size());
  const CastTally a = cast_elements(from, to, Overflow::infinity, in, fast, 7);
  const CastTally b = detail::cast_one_by_one(from, to, Overflow::infinity, in, slow, 7);
  CHECK(std::memcmp(fast.data(), slow.data(), slow.size()) == 0);
  CHECK(a.changed == b.changed);
  CHECK(a.first == b.first);
  CHECK(a.overflowed == b.overflowed);
  CHECK(a.first_overflowed == b.first_overflowed);
  CHECK(a.absolute == b.absolute);
  CHECK(a.relative == b.relative);
}

template <typename T>
std::vector<std::byte> bytes_of(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("casts by blocks give what casts one by one give: bits of any kind") {
  std::mt19937_64 random(1);
  for (const auto& [from, to] : kPairs) {
    CAPTURE(to_string(from));
    CAPTURE(to_string(to));
    std::vector<std::byte> bytes(40'003 * info(from).bytes);
    for (std::byte& b : bytes) b = static_cast<std::byte>(random());
    check_same(from, to, bytes);
  }
}

TEST_CASE("casts by blocks give what casts one by one give: ordinary numbers of every size") {
  std::mt19937_64 random(2);
  // Whole blocks in one binade each, so that denormals of either side are not left to the other
  // way.
  std::vector<float> floats;
  std::vector<double> doubles;
  for (int exponent = -150; exponent < 128; ++exponent) {
    std::uniform_real_distribution<double> significand(1, 2);
    for (std::size_t i = 0; i < kCastBlock; ++i) {
      const double value = std::ldexp(i % 2 ? significand(random) : -significand(random), exponent);
      // every fourth one lies between two numbers, or beside the middle of them
      auto narrow = static_cast<float>(value);
      if (i % 4 == 0) {
        std::uint32_t bits;
        std::memcpy(&bits, &narrow, 4);
        bits = (bits & 0xffff0000) | (0x7fff + static_cast<std::uint32_t>(i / 4 % 3));
        std::memcpy(&narrow, &bits, 4);
      }
      floats.push_back(narrow);
      doubles.push_back(i % 4 ? value : static_cast<double>(narrow) * (1 + 0x1p-24));
    }
  }
  floats.insert(floats.end(), 3 * kCastBlock, 0.3f);
  floats.insert(floats.end(), kCastBlock, -0.0f);
  check_same(DType::float32, DType::bfloat16, bytes_of(floats));
  check_same(DType::float32, DType::float16, bytes_of(floats));
  check_same(DType::float64, DType::float32, bytes_of(doubles));
  std::vector<std::uint16_t> codes;
  for (std::uint32_t code = 0; code < 65536; ++code)
    codes.push_back(static_cast<std::uint16_t>(code));
  check_same(DType::bfloat16, DType::float32, bytes_of(codes));
  check_same(DType::float16, DType::float32, bytes_of(codes));
}

#if defined(__x86_64__)
TEST_CASE("in an unusual floating-point environment casts are left to integers") {
  const unsigned before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8040);  // denormals become zero
  const bool found = block_cast(DType::float32, DType::float16) != nullptr;
  __builtin_ia32_ldmxcsr(before);
  CHECK(!found);
}
#endif
