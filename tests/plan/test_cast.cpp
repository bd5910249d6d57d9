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

/// Float32 codes that the pair's narrow type holds: numbers get exponents of its range and a little
/// below, infinities and NaNs stay.
std::vector<std::byte> fitting(std::vector<std::byte> codes, DType to) {
  const std::uint32_t least = to == DType::float16 ? 127 - 26 : 0;
  const std::uint32_t most = to == DType::float16 ? 127 + 14 : 253;
  for (std::size_t at = 0; at < codes.size(); at += 4) {
    std::uint32_t code;
    std::memcpy(&code, codes.data() + at, 4);
    const std::uint32_t exponent = code >> 23 & 0xff;
    if (exponent == 0xff) continue;
    code = (code & 0x807fffff) | (least + exponent % (most - least + 1)) << 23;
    std::memcpy(codes.data() + at, &code, 4);
  }
  return codes;
}

void check_equal(const CastTally& a, const CastTally& b) {
  CHECK(a.changed == b.changed);
  CHECK(a.first == b.first);
  CHECK(a.overflowed == b.overflowed);
  CHECK(a.underflowed == b.underflowed);
  CHECK(a.first_underflowed == b.first_underflowed);
  CHECK(a.absolute == b.absolute);
  CHECK(a.relative == b.relative);
}

/// What casts take, whichever way, and all versions for this processor.
void check_same(const Pair& pair, std::span<const std::byte> in, std::uint64_t first) {
  const std::size_t count = in.size() / info(pair.from).bytes;
  std::vector<std::byte> fast(count * info(pair.to).bytes), exact(fast.size());
  const CastTally told = cast_exactly(pair.from, pair.to, Overflow::infinity, in, exact, first);
  check_equal(cast_elements(pair.from, pair.to, Overflow::infinity, in, fast, first), told);
  CHECK(std::memcmp(fast.data(), exact.data(), fast.size()) == 0);
  for (const CastVersion& version : fast_casts(pair.from, pair.to)) {
    CAPTURE(version.name);
    CastTally tally;
    if (!version.cast(in, fast, first, tally)) continue;  // left to the exact one
    check_equal(tally, told);
    CHECK(std::memcmp(fast.data(), exact.data(), fast.size()) == 0);
  }
}

}  // namespace

TEST_CASE("fast casts give the bits and the tally of the exact one, whatever the processor has") {
  for (const Pair& pair : kFast) {
    const std::span<const CastVersion> versions = fast_casts(pair.from, pair.to);
    REQUIRE(!versions.empty());
    CHECK(versions.back().name == "portable");
    CAPTURE(to_string(pair.from));
    CAPTURE(to_string(pair.to));
    for (unsigned seed = 0; seed < 20; ++seed)
      check_same(pair, codes_for(pair.from, 3001 + seed * 7, seed), seed * 1000);
  }
}

TEST_CASE("fast casts of what fits take the fast path, infinities and NaNs among it") {
  for (const DType to : {DType::bfloat16, DType::float16}) {
    CAPTURE(to_string(to));
    for (unsigned seed = 0; seed < 20; ++seed) {
      const auto in = fitting(codes_for(DType::float32, 2999 + seed * 5, seed), to);
      std::vector<std::byte> out(in.size() / 2);
      for (const CastVersion& version : fast_casts(DType::float32, to)) {
        CAPTURE(version.name);
        CastTally tally;
        CHECK(version.cast(in, out, 0, tally));
      }
      check_same({DType::float32, to}, in, 3);
    }
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
      for (const CastVersion& version : fast_casts(pair.from, pair.to)) {
        CAPTURE(version.name);
        std::vector<std::byte> out(scaled.size() * info(pair.to).bytes);
        CastTally tally;
        CHECK(version.cast(in, out, 0, tally));
      }
      check_same(pair, in, 17);
    }
  }
}

TEST_CASE("what becomes zero is counted, up to half of the least number and no further") {
  struct Row {
    DType to;
    float vanishes, stays;
  };
  for (const Row& row : {Row{DType::float16, 0x1p-25F, 0x1.000002p-25F},
                         Row{DType::bfloat16, 0x1p-134F, 0x1.0002p-134F}}) {
    CAPTURE(to_string(row.to));
    std::vector<float> values(5000, 1);
    for (const std::size_t at : {2000U, 2001U, 4999U}) values[at] = row.vanishes;
    values[17] = 0;
    values[18] = -row.stays;
    values[2002] = -row.vanishes;
    std::vector<std::byte> out(values.size() * 2);
    for (const CastVersion& version : fast_casts(DType::float32, row.to)) {
      CAPTURE(version.name);
      CastTally tally;
      REQUIRE(version.cast(bytes_of(values), out, 100, tally));
      CHECK(tally.underflowed == 4);
      CHECK(tally.first_underflowed == 2100);
    }
    check_same({DType::float32, row.to}, bytes_of(values), 100);
  }
}

TEST_CASE("an element that does not fit leaves it to the exact cast") {
  const std::vector<float> values = {1, 2, 70000, 3};
  std::vector<std::byte> out(8);
  CastTally tally;
  for (const CastVersion& version : fast_casts(DType::float32, DType::float16)) {
    CAPTURE(version.name);
    CHECK(!version.cast(bytes_of(values), out, 0, tally));
    CHECK(tally.changed == 0);
  }
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
