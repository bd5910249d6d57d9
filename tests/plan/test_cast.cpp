// The fast casts against the exact one, element by element; what that does is judged from outside.
#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "plan/cast.h"
#include "plan/cast_fast.h"

using namespace tensorferry;

namespace {

struct Pair {
  DType from, to;
};
constexpr Pair kFast[] = {{DType::float32, DType::bfloat16}, {DType::float32, DType::float16},
                          {DType::float64, DType::float32},  {DType::bfloat16, DType::float32},
                          {DType::float16, DType::float32},  {DType::float32, DType::float64}};

template <typename T>
std::vector<std::byte> bytes_of(const std::vector<T>& codes) {
  std::vector<std::byte> bytes(codes.size() * sizeof(T));
  std::memcpy(bytes.data(), codes.data(), bytes.size());
  return bytes;
}

/// Codes of every exponent, near ties, and at random.
std::vector<std::byte> codes_for(DType dtype, std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  const std::uint32_t bytes = info(dtype).bytes;
  if (bytes == 2) {
    std::vector<std::uint16_t> all(65536);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
    return bytes_of(all);
  }
  std::vector<std::uint64_t> codes(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t code = random();
    if (i % 4 == 1) code &= ~std::uint64_t{0} << (bytes == 4 ? 44 : 28);  // exact or a tie
    if (i % 4 == 2) code = (code | std::uint64_t{1} << (bytes == 4 ? 47 : 28)) ^ (random() & 1);
    codes[i] = code;
  }
  if (bytes == 8) return bytes_of(codes);
  std::vector<std::uint32_t> high(count);
  for (std::size_t i = 0; i < count; ++i) high[i] = static_cast<std::uint32_t>(codes[i] >> 32);
  return bytes_of(high);
}

void check_same(const Pair& pair, std::span<const std::byte> in, std::uint64_t first) {
  const std::size_t count = in.size() / info(pair.from).bytes;
  std::vector<std::byte> fast(count * info(pair.to).bytes), exact(fast.size());
  const CastTally a = cast_elements(pair.from, pair.to, Overflow::infinity, in, fast, first);
  const CastTally b = cast_exactly(pair.from, pair.to, Overflow::infinity, in, exact, first);
  CHECK(std::memcmp(fast.data(), exact.data(), fast.size()) == 0);
  CHECK(a.changed == b.changed);
  CHECK(a.first == b.first);
  CHECK(a.overflowed == b.overflowed);
  CHECK(a.absolute == b.absolute);
  CHECK(a.relative == b.relative);
}

}  // namespace

TEST_CASE("fast casts give the bits and the tally of the exact one") {
  for (const Pair& pair : kFast) {
    CAPTURE(to_string(pair.from));
    CAPTURE(to_string(pair.to));
    const bool there = fast_cast(pair.from, pair.to) != nullptr;
    REQUIRE(there);
    for (unsigned seed = 0; seed < 20; ++seed)
      check_same(pair, codes_for(pair.from, 3001 + seed * 7, seed), seed * 1000);
  }
}

TEST_CASE("values that all fit stay on the fast path, and are told as by the exact one") {
  std::mt19937 random(5);
  std::normal_distribution<float> weights(0, 0.05F);
  std::vector<float> values(10'000);
  for (float& value : values) value = weights(random);
  for (float scale : {1.0F, 1e-7F, 1e-20F, 1e-38F, 1e-44F}) {
    std::vector<float> scaled;
    for (const float value : values) scaled.push_back(value * scale);
    for (const Pair& pair : kFast) {
      if (pair.from != DType::float32) continue;
      const auto in = bytes_of(scaled);
      std::vector<std::byte> out(scaled.size() * info(pair.to).bytes);
      CastTally tally;
      CHECK(fast_cast(pair.from, pair.to)(in, out, 0, tally));
      check_same(pair, in, 17);
    }
  }
}

TEST_CASE("an element that does not fit leaves it to the exact cast") {
  const std::vector<float> values = {1, 2, 70000, 3};
  std::vector<std::byte> out(8);
  CastTally tally;
  CHECK(!fast_cast(DType::float32, DType::float16)(bytes_of(values), out, 0, tally));
  CHECK(tally.changed == 0);
  tally =
      cast_elements(DType::float32, DType::float16, Overflow::saturate, bytes_of(values), out, 100);
  CHECK(tally.overflowed == 1);
  CHECK(tally.first_overflowed == 102);
  CHECK(out[4] == std::byte{0xff});
  CHECK(out[5] == std::byte{0x7b});
}

TEST_CASE("all of float32, in the exhaustive tests") {
  if (!std::getenv("TENSORFERRY_FULL")) return;
  constexpr std::uint64_t step = 1u << 20;
  std::vector<std::uint32_t> codes(step);
  for (std::uint64_t at = 0; at < std::uint64_t{1} << 32; at += step) {
    for (std::uint64_t i = 0; i < step; ++i) codes[i] = static_cast<std::uint32_t>(at + i);
    for (const Pair& pair : kFast) {
      if (pair.from == DType::float32) check_same(pair, bytes_of(codes), at);
    }
  }
}
