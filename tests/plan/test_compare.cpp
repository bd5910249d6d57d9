// Comparing two manifests: every kind of difference, errors, and what a tolerance means.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "error_id.h"
#include "formats/layout_in_memory.h"
#include "temp_folder.h"
#include "tensorferry/compare.h"
#include "tensorferry/edits.h"

using namespace tensorferry;
using Kind = Difference::Kind;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <typename T>
Manifest with(DType dtype, const std::vector<T>& values, std::string name = "t") {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  Manifest manifest;
  manifest.tensors.push_back(
      tensor_of(std::move(name), dtype, {bytes.size() / info(dtype).bytes}, bytes));
  return manifest;
}

Manifest with(const std::vector<double>& values) { return with(DType::float64, values); }

Comparison compare_with(const Manifest& a, const Manifest& b, Tolerance tolerance) {
  CompareOptions options;
  options.tolerance = tolerance;
  return compare(a, b, options);
}

bool close(double a, double b, Tolerance tolerance) {
  return compare_with(with({a}), with({b}), tolerance).equal();
}

ElementDifferences only_difference(const Comparison& comparison) {
  REQUIRE(comparison.differences.size() == 1);
  REQUIRE(comparison.differences[0].kind == Kind::values);
  return comparison.differences[0].elements;
}

}  // namespace

TEST_CASE("the same bits are the same, NaN payloads too") {
  const Comparison comparison = compare(with({1, kNan, -0.0}), with({1, kNan, -0.0}));
  CHECK(comparison.equal());
  CHECK(comparison.same == 1);
  CHECK(comparison.bytes == 24);
}

TEST_CASE("count, first, worst and largest errors") {
  const auto found = only_difference(compare(with({1, 2, 4, 8, 0}), with({1, 2.5, 4, 7, 0})));
  CHECK(found.elements == 5);
  CHECK(found.bits == 2);
  CHECK(found.apart == 2);
  CHECK(found.first == 1);
  CHECK(found.worst == 3);
  CHECK(found.absolute == 1);
  CHECK(found.relative == 0.2);
  CHECK(found.ulp == std::uint64_t{1}
                         << 50);  // from 2 to 2.5, and from 7 to 8: a quarter of a power of two
}

TEST_CASE("without a tolerance other bits are different: NaN payloads and the sign of zero") {
  CHECK(!compare(with({0.0}), with({-0.0})).equal());
  const Manifest quiet = with<std::uint64_t>(DType::float64, {0x7ff8000000000001});
  const auto found = only_difference(compare(quiet, with({kNan})));
  CHECK(found.nan == 0);
  CHECK(found.absolute == 0);
}

TEST_CASE("a tolerance is numpy's, and NaN and infinities are as documented") {
  const Tolerance absolute{0.5, 0, 0}, relative{0, 0.1, 0}, ulp{0, 0, 2};
  CHECK(close(1, 1.5, absolute));
  CHECK(!close(1, 1.500001, absolute));
  CHECK(close(110, 100, relative));
  CHECK(!close(100, 110.1 / 0.99, relative));
  CHECK(!close(1, 0, relative));
  CHECK(!close(4, 3, {0.1, 0.3, 0}));  // 0.1 + 0.3 * 3 is below 1, unless rounded only once
  CHECK(close(1, std::nextafter(std::nextafter(1.0, 2), 2), ulp));
  CHECK(!close(1, 1 + 3 * 0x1p-52, ulp));
  CHECK(close(0x1p-1074, -0x1p-1074, ulp));
  for (const Tolerance& tolerance : {absolute, relative, ulp}) {
    CHECK(close(0.0, -0.0, tolerance));
    CHECK(close(kNan, -kNan, tolerance));
    CHECK(!close(kNan, 1, tolerance));
    CHECK(!close(kInf, -kInf, tolerance));
    CHECK(!close(std::numeric_limits<double>::max(), kInf, tolerance));
    CHECK(close(kInf, kInf, tolerance));
  }
  const Comparison near = compare_with(with({1, 2}), with({1, 2.25}), absolute);
  REQUIRE(near.close.size() == 1);
  CHECK(near.close[0].elements.absolute == 0.25);
  CHECK(near.same == 0);
}

TEST_CASE("a NaN against a number is worse than any error, and is counted apart") {
  const auto found = only_difference(compare(with({1, 5, kNan}), with({9, kNan, kNan})));
  CHECK(found.nan == 1);
  CHECK(found.worst == 1);
  CHECK(found.absolute == 8);
}

TEST_CASE("integers, bool, small and complex numbers") {
  const auto int64 = only_difference(compare(with<std::int64_t>(DType::int64, {INT64_MIN, -3}),
                                             with<std::int64_t>(DType::int64, {INT64_MAX, -2})));
  CHECK(int64.absolute == 0x1p64);
  CHECK(int64.ulp == 0);
  const auto int4 = only_difference(compare(with<std::uint8_t>(DType::int4, {0x8, 0x1}),
                                            with<std::uint8_t>(DType::int4, {0x7, 0xf})));
  CHECK(int4.absolute == 15);
  CHECK(int4.relative == doctest::Approx(15.0 / 7));
  CHECK(compare_with(with<std::uint8_t>(DType::uint8, {3}), with<std::uint8_t>(DType::uint8, {5}),
                     {2, 0, 0})
            .equal());
  CHECK(!compare_with(with<std::uint8_t>(DType::uint8, {3}), with<std::uint8_t>(DType::uint8, {4}),
                      {0, 0, 9})
             .equal());
  CHECK(!compare_with(with<std::uint8_t>(DType::boolean, {1}),
                      with<std::uint8_t>(DType::boolean, {0}), {9, 9, 9})
             .equal());
  const auto half = only_difference(compare(with<std::uint16_t>(DType::float16, {0x3c00}),
                                            with<std::uint16_t>(DType::float16, {0xbc01})));
  CHECK(half.ulp == 0x3c00 + 0x3c01);
  const auto scale = only_difference(compare(with<std::uint8_t>(DType::float8_e8m0fnu, {0x80}),
                                             with<std::uint8_t>(DType::float8_e8m0fnu, {0x7f})));
  CHECK(scale.ulp == 1);
  CHECK(scale.absolute == 1);
  const Manifest z = with<double>(DType::complex128, {3, 4}),
                 w = with<double>(DType::complex128, {0, 0});
  const auto complex = only_difference(compare(z, w));
  CHECK(complex.elements == 1);
  CHECK(complex.absolute == 5);
  CHECK(complex.relative == kInf);
  CHECK(compare_with(z, w, {5, 0, 0}).equal());
  CHECK(!compare_with(z, w, {4.9, 0, 0}).equal());
}

TEST_CASE("longdouble: distances across the stored leading one") {
  const auto extended = [](std::uint64_t significand, std::uint16_t top) {
    std::string bytes(16, '\0');
    std::memcpy(bytes.data(), &significand, 8);
    std::memcpy(bytes.data() + 8, &top, 2);
    Manifest manifest;
    manifest.tensors.push_back(tensor_of("t", DType::longdouble, {1}, bytes));
    return manifest;
  };
  const Manifest one = extended(0x8000000000000000, 0x3fff), below = extended(~0ULL, 0x3ffe);
  CHECK(only_difference(compare(one, below)).ulp == 1);
  CHECK(only_difference(compare(one, below)).absolute == 0x1p-64);
}

TEST_CASE("strings: how many, and the first") {
  Manifest a, b;
  a.tensors.push_back(strings_of("s", {3}, {"a", "b", "c"}));
  b.tensors.push_back(strings_of("s", {3}, {"a", "x", "y"}));
  const auto found = only_difference(compare_with(a, b, {9, 9, 9}));
  CHECK(found.apart == 2);
  CHECK(found.first == 1);
}

TEST_CASE("missing, extra, dtype and shape, and names by a map") {
  Manifest a = with<std::uint8_t>(DType::uint8, {1, 2}, "both");
  a.tensors.push_back(with<std::uint8_t>(DType::uint8, {1}, "gone").tensors[0]);
  a.tensors.push_back(with<std::uint8_t>(DType::uint8, {7}, "old").tensors[0]);
  Manifest b = with<std::int8_t>(DType::int8, {1, 2, 3}, "both");
  b.tensors.push_back(with<std::uint8_t>(DType::uint8, {7}, "new").tensors[0]);
  CompareOptions options;
  options.names = {{"old", "new"}};
  const Comparison found = compare(a, b, options);
  REQUIRE(found.differences.size() == 3);
  CHECK(found.differences[0].kind == Kind::dtype);
  CHECK(found.differences[1].kind == Kind::shape);
  CHECK(found.differences[2].kind == Kind::only_a);
  CHECK(found.differences[2].name_a == "gone");
  CHECK(found.same == 1);
  const Comparison plain = compare(a, b);
  CHECK(plain.differences.back().kind == Kind::only_b);
  CHECK(plain.differences.back().name_b == "new");
  options.names = {{"old", "both"}};
  CHECK(error_id([&] { compare(a, b, options); }) == "usage.name_map");
}

TEST_CASE("what cannot be read is a difference that says why") {
  Manifest a = with({1, 2}), b = with({1, 2});
  b.tensors[0].stored.pieces[0].checksum = Checksum{Checksum::Kind::crc32c, "abcd"};
  const Comparison found = compare(a, b);
  REQUIRE(found.differences.size() == 1);
  CHECK(found.differences[0].kind == Kind::unreadable);
  CHECK(found.differences[0].problem->id() == "corrupt.checksum");
}

TEST_CASE("differences in a large tensor are found wherever they are, at any number of threads") {
  std::vector<std::uint8_t> values(3'000'001, 7);
  const Manifest a = with(DType::uint8, values);
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{4095}, std::size_t{1u << 20}, values.size() - 1}) {
    CAPTURE(at);
    auto other = values;
    other[at] = 9;
    CompareOptions options;
    options.scan.threads = 1 + static_cast<unsigned>(at % 3);
    const auto found = only_difference(compare(a, with(DType::uint8, other), options));
    CHECK(found.first == at);
    CHECK(found.bits == 1);
    CHECK(found.elements == values.size());
  }
}

TEST_CASE("a scan stops when it is told to") {
  std::atomic<bool> cancel = true;
  CompareOptions options;
  options.scan.cancel = &cancel;
  CHECK(error_id([&] { compare(with({1}), with({1}), options); }) == "input.cancelled");
}

TEST_CASE("a map of names is a JSON object of texts") {
  TempFolder folder;
  CHECK(read_name_map(folder.write("m", R"({"a": "b"})")).at("a") == "b");
  CHECK(error_id([&] { read_name_map(folder.write("m", R"(["a"])")); }) == "usage.name_map");
  CHECK(error_id([&] { read_name_map(folder.write("m", R"({"a": 1})")); }) == "usage.name_map");
  CHECK(error_id([&] { read_name_map(folder.write("m", R"({"a": "b", "a": "c"})")); }) ==
        "corrupt.json");
}

TEST_CASE("numbers of two dtypes are compared by value when a tolerance is given") {
  const Manifest wide = with<float>(DType::float32, {1, 0.1F, -2});
  const Manifest narrow = with<std::uint16_t>(DType::float16, {0x3c00, 0x2e66, 0xc000});
  const Comparison exact = compare(wide, narrow);
  REQUIRE(exact.differences.size() == 1);
  CHECK(exact.differences[0].kind == Kind::dtype);

  const Comparison cast = compare_with(wide, narrow, {.ulp = 0});
  CHECK(cast.equal());
  CHECK(cast.same == 0);
  REQUIRE(cast.close.size() == 1);
  CHECK(cast.close[0].elements.bits == 1);
  CHECK(cast.close[0].elements.ulp == 0);
  CHECK(compare_with(narrow, wide, {.ulp = 0}).equal());

  const auto found = only_difference(compare_with(wide, narrow, {.values = true}));
  CHECK(found.apart == 1);
  CHECK(found.first == 1);
  CHECK(found.absolute == static_cast<double>(0.1F) - 0x1.998p-4);
  CHECK(compare_with(wide, narrow, {.relative = 1e-3}).equal());
  CHECK(!compare_with(wide, narrow, {.relative = 1e-5}).equal());

  const Manifest longer = with<std::uint16_t>(DType::float16, {0x3c00, 0x2e66, 0xc000, 0});
  CHECK(compare_with(wide, longer, {.values = true}).differences.size() == 2);
}

TEST_CASE("a number that the narrower dtype cannot hold is far from all that it holds") {
  const Manifest large = with<float>(DType::float32, {70000});
  CHECK(!compare_with(large, with<std::uint16_t>(DType::float16, {0x7bff}), {.ulp = 9}).equal());
  CHECK(!compare_with(large, with<std::uint16_t>(DType::float16, {0x7c00}), {.ulp = 9}).equal());
  CHECK(!compare_with(with<float>(DType::float32, {1000}),
                      with<std::uint8_t>(DType::float8_e4m3fn, {0x7e}), {.ulp = 9})
             .equal());
}
