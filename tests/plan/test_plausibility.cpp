#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tensorferry/plausibility.h"

using namespace tensorferry;

namespace {

using Random = std::mt19937_64;

constexpr int kTrials = 100, kTrialsOfLarge = 10;
constexpr double kMostly = 0.95;  // measured: 0.98 of bfloat16 moments, 1.00 of all others

std::uint16_t bfloat16_bits(float value) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
}

// Cuts the fraction; good for normal numbers and zero.
std::uint16_t float16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const int exponent = static_cast<int>(bits >> 23 & 0xff) - 127 + 15;
  const std::uint32_t sign = bits >> 16 & 0x8000;
  if (exponent >= 31) return static_cast<std::uint16_t>(sign | 0x7bff);
  if (exponent > 0)
    return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(exponent) << 10 |
                                      (bits >> 13 & 0x3ff));
  const int shift = 14 - exponent;
  const std::uint32_t whole = (bits & 0x7fffff) | 0x800000;
  return static_cast<std::uint16_t>(sign | (shift > 24 ? 0 : whole >> shift));
}

template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::string as(DType dtype, const std::vector<double>& values) {
  std::string bytes;
  const auto add = [&](auto value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  for (const double value : values) {
    const auto single = static_cast<float>(value);
    if (dtype == DType::float64) add(value);
    if (dtype == DType::float32) add(single);
    if (dtype == DType::bfloat16) add(bfloat16_bits(single));
    if (dtype == DType::float16) add(float16_bits(single));
    if (dtype == DType::int32) add(static_cast<std::int32_t>(value));
    if (dtype == DType::int64) add(static_cast<std::int64_t>(value));
    if (dtype == DType::int16) add(static_cast<std::int16_t>(value));
  }
  return bytes;
}

std::string swapped(std::string bytes, std::size_t width) {
  for (std::size_t at = 0; at < bytes.size(); at += width)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + width));
  return bytes;
}

Tensor tensor_of(DType dtype, const std::string& bytes) {
  Tensor tensor;
  tensor.name = "w";
  tensor.dtype = dtype;
  tensor.shape = {bytes.size() / info(dtype).bytes};
  Piece piece;
  piece.origin = FileRange{memory_file("memory", bytes), 0, bytes.size()};
  tensor.stored.pieces.push_back(std::move(piece));
  return tensor;
}

using Values = std::function<std::vector<double>(Random&, std::size_t)>;

Values each(std::function<double(Random&)> one) {
  return [one](Random& random, std::size_t count) {
    std::vector<double> values(count);
    for (double& value : values) value = one(random);
    return values;
  };
}

double normal(Random& random) { return std::normal_distribution<double>()(random); }
double uniform(Random& random) { return std::uniform_real_distribution<double>(-1, 1)(random); }

struct Kind {
  const char* name;
  Values values;
  bool in_float16 = true;
};

// What tensors of numbers hold.
std::vector<Kind> weights() {
  return {
      {"normal", each(normal)},
      {"of a layer", each([](Random& r) { return 0.02 * normal(r); })},
      {"uniform", each(uniform)},
      {"glorot", each([](Random& r) { return 0.06 * uniform(r); })},
      {"positive", each([](Random& r) { return std::abs(uniform(r)); })},
      {"pruned", each([](Random& r) { return uniform(r) < 0.8 ? 0 : normal(r); })},
      {"heavy tails", each([](Random& r) { return std::pow(normal(r), 5); })},
      {"near one", each([](Random& r) { return 1 + 1e-3 * normal(r); })},
      {"integers", each([](Random& r) { return std::floor(128 * uniform(r)); })},
      {"few levels", each([](Random& r) { return std::floor(4 * uniform(r)) / 8; })},
      {"constant", each([](Random&) { return 0.1; })},
      {"zeros", each([](Random&) { return 0.0; })},
      {"mask", each([](Random& r) { return uniform(r) < 0 ? 0 : -INFINITY; })},
      {"additive mask", each([](Random& r) { return uniform(r) < 0 ? 0 : -3.0e38; }), false},
      {"some NaN", each([](Random& r) { return uniform(r) < 0 ? NAN : normal(r); })},
      {"positions",
       [](Random&, std::size_t count) {
         std::vector<double> values(count);
         for (std::size_t i = 0; i < count; ++i)
           values[i] = std::sin(static_cast<double>(i / 64) /
                                std::pow(10000, static_cast<double>(i % 64) / 64));
         return values;
       }},
      {"tiny", each([](Random& r) { return 1e-30 * normal(r); }), false},
      {"huge", each([](Random& r) { return 1e30 * normal(r); }), false},
      {"second moments", each([](Random& r) { return std::exp(-25 + 6 * normal(r)); }), false},
      {"twenty decades", each([](Random& r) { return std::pow(10, 10 * uniform(r)); }), false},
  };
}

/// The share of trials in which the tensor is doubted, and told to be `better` if that is given.
double rate(DType said, const std::function<std::string(Random&, std::size_t)>& make,
            std::size_t count, const char* better = nullptr) {
  Random random(count * 31 + static_cast<std::size_t>(said));
  const int trials = count > 5000 ? kTrialsOfLarge : kTrials;
  int doubted = 0;
  for (int i = 0; i < trials; ++i) {
    const auto found = doubt(tensor_of(said, make(random, count)));
    if (found && (better == nullptr || found->better == better)) ++doubted;
  }
  return static_cast<double>(doubted) / trials;
}

constexpr DType kFloats[] = {DType::float16, DType::bfloat16, DType::float32, DType::float64};

}  // namespace

TEST_CASE("plausibility: no kind of weights is doubted") {
  for (const DType dtype : kFloats) {
    for (const Kind& kind : weights()) {
      if (dtype == DType::float16 && !kind.in_float16) continue;
      for (const std::size_t count : {64u, 100u, 1000u, 20000u}) {
        const double doubted = rate(
            dtype, [&](Random& r, std::size_t n) { return as(dtype, kind.values(r, n)); }, count);
        CHECK_MESSAGE(doubted == 0, to_string(dtype), " ", std::string(kind.name), " ", count, ": ",
                      doubted);
      }
    }
  }
}

TEST_CASE("plausibility: no kind of integers is doubted") {
  const std::vector<Kind> kinds = {
      {"ids", each([](Random& r) { return std::floor(std::abs(50000 * uniform(r))); })},
      {"labels", each([](Random& r) { return std::floor(std::abs(10 * uniform(r))); })},
      {"signed", each([](Random& r) { return std::floor(1000 * normal(r)); })},
      {"seconds", each([](Random& r) { return 1.7e9 + std::floor(1e7 * uniform(r)); })},
      {"any", each([](Random& r) { return std::floor(2147483647 * uniform(r)); })},
      {"constant", each([](Random&) { return 7.0; })},
  };
  for (const DType dtype : {DType::int32, DType::int64}) {
    for (const Kind& kind : kinds) {
      for (const std::size_t count : {64u, 1000u, 20000u}) {
        const double doubted = rate(
            dtype, [&](Random& r, std::size_t n) { return as(dtype, kind.values(r, n)); }, count);
        CHECK_MESSAGE(doubted == 0, to_string(dtype), " ", std::string(kind.name), " ", count, ": ",
                      doubted);
      }
    }
  }
}

TEST_CASE("plausibility: the other byte order is found") {
  const char* kinds[] = {"normal",   "of a layer", "uniform",  "glorot",
                         "positive", "pruned",     "integers", "second moments"};
  for (const DType dtype : kFloats) {
    const std::string better = "big-endian " + std::string(to_string(dtype));
    for (const Kind& kind : weights()) {
      if (std::ranges::find(kinds, std::string_view(kind.name)) == std::end(kinds)) continue;
      if (dtype == DType::float16 && !kind.in_float16) continue;
      for (const std::size_t count : {1000u, 20000u}) {
        const double found = rate(
            dtype,
            [&](Random& r, std::size_t n) {
              return swapped(as(dtype, kind.values(r, n)), info(dtype).bytes);
            },
            count, better.c_str());
        CHECK_MESSAGE(found >= kMostly, to_string(dtype), " ", std::string(kind.name), " ", count,
                      ": ", found);
      }
    }
  }
}

TEST_CASE("plausibility: other dtypes are found") {
  const Values ids = each([](Random& r) { return std::floor(std::abs(50000 * uniform(r))); });
  const Values with_signs = each([](Random& r) { return std::floor(1000 * normal(r)); });
  const auto layer = each([](Random& r) { return 0.02 * normal(r); });
  struct Case {
    DType said, is;
    Values values;
    const char* better;
  };
  const std::vector<Case> cases = {
      {DType::float32, DType::float64, layer, "float64"},
      {DType::float32, DType::int32, ids, "int32"},
      {DType::float32, DType::int32, with_signs, "int32"},
      {DType::float32, DType::int64, ids, "int64"},
      {DType::float32, DType::int64, with_signs, "int64"},
      {DType::float64, DType::int64, ids, "int64"},
      {DType::int32, DType::float32, layer, "float32"},
      {DType::int64, DType::float64, layer, "float64"},
  };
  for (const Case& one : cases) {
    const double found = rate(
        one.said, [&](Random& r, std::size_t n) { return as(one.is, one.values(r, n)); }, 1000,
        one.better);
    CHECK_MESSAGE(found >= kMostly, to_string(one.is), " as ", to_string(one.said), ": ", found);
  }
}

TEST_CASE("plausibility: text and compressed bytes are no numbers") {
  const auto noise = [](Random& r, std::size_t n) {
    std::vector<std::uint64_t> words(n);
    for (auto& word : words) word = r();
    return bytes_of(words);
  };
  const auto text = [](Random& r, std::size_t n) {
    const std::string alphabet = "etaoin shrdlu,cmfwyp\nETAOIN{}\"0123456789";
    std::string bytes(8 * n, ' ');
    for (char& byte : bytes) byte = alphabet[r() % alphabet.size()];
    return bytes;
  };
  for (const DType dtype : kFloats) {
    CHECK_MESSAGE(rate(dtype, noise, 500, "") >= kMostly, to_string(dtype));
    CHECK_MESSAGE(rate(dtype, text, 500, "text") >= kMostly, to_string(dtype));
  }
}

TEST_CASE("plausibility: what says too little is never doubted") {
  Random random(1);
  const auto noise = [&](std::size_t n) {
    std::vector<std::uint64_t> words(n);
    for (auto& word : words) word = random();
    return bytes_of(words);
  };
  for (int i = 0; i < kTrials; ++i) {
    CHECK(!doubt(tensor_of(DType::float64, noise(63))));
    CHECK(!doubt(tensor_of(DType::uint8, noise(1000))));
    CHECK(!doubt(tensor_of(DType::int64, noise(1000))));
  }
  Tensor short_one = tensor_of(DType::float64, noise(1000));
  short_one.shape = {2000};
  CHECK(!doubt(short_one));  // what cannot be read is told elsewhere
}

TEST_CASE("plausibility: big-endian sources, later places, notes") {
  Random random(3);
  const auto layer = each([](Random& r) { return 0.02 * normal(r); });
  const std::string values = as(DType::float32, layer(random, 5000));
  Tensor big = tensor_of(DType::float32, swapped(values, 4));
  big.stored.order = std::endian::big;
  CHECK(!doubt(big));
  Tensor wrong = tensor_of(DType::float32, values);
  wrong.stored.order = std::endian::big;
  REQUIRE(doubt(wrong));
  CHECK(doubt(wrong)->better == "little-endian float32");

  const std::string late = std::string(400'000, '\0') + swapped(values, 4);
  CHECK(doubt(tensor_of(DType::float32, late)));

  Manifest manifest;
  manifest.tensors = {big, wrong, wrong, tensor_of(DType::float32, values)};
  manifest.tensors[2].name = "v";
  const std::vector<Note> notes = doubts(manifest);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].id == "plausibility.dtype");
  CHECK(notes[0].text ==
        "w, v do not look like float32 (exponents spread like noise); little-endian float32 would "
        "fit");
}
