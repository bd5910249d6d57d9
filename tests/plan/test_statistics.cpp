// Statistics against values that are known exactly, for every numeric dtype.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "formats/layout_in_memory.h"
#include "tensorferry/statistics.h"
#include "tensorferry/values.h"

using namespace tensorferry;

namespace {

template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <typename T>
Statistics of(DType dtype, const std::vector<T>& values) {
  const std::string bytes = bytes_of(values);
  return statistics(tensor_of("t", dtype, {bytes.size() / info(dtype).bytes}, bytes));
}

Statistics of_codes(DType dtype, std::vector<std::uint8_t> codes) { return of(dtype, codes); }

std::uint64_t low(const std::array<std::byte, 16>& element) {
  return little_endian(element.data(), 8);
}

}  // namespace

TEST_CASE("float32: NaN, infinities and zeros are counted apart from the finite numbers") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  const Statistics found =
      of<float>(DType::float32, {1, -3, 0, -0.0F, nan, inf, -inf, -inf, 2, nan});
  CHECK(found.count == 10);
  CHECK(found.finite == 5);
  CHECK(found.zeros == 2);
  CHECK(found.nans == 2);
  CHECK(found.positive_infinities == 1);
  CHECK(found.negative_infinities == 2);
  CHECK(found.min == -3);
  CHECK(found.max == 2);
  CHECK(found.mean == 0);
  CHECK(found.std == doctest::Approx(std::sqrt(14.0 / 5)).epsilon(1e-15));
  CHECK(low(found.min_element) == std::bit_cast<std::uint32_t>(-3.0F));
}

TEST_CASE("no numbers, and no finite ones") {
  CHECK(of<float>(DType::float32, {}).count == 0);
  const Statistics found = of<float>(DType::float32, {std::numeric_limits<float>::quiet_NaN()});
  CHECK(found.finite == 0);
  CHECK(found.min == 0);
  CHECK(found.std == 0);
  CHECK(statistics(strings_of("s", {2}, {"a", "b"})).count == 0);
}

TEST_CASE("64-bit integers: minimum and maximum are exact where a double is not") {
  const std::int64_t big = 9007199254740993;  // 2^53 + 1
  const Statistics found = of<std::int64_t>(DType::int64, {big, big - 1, big + 1, -big, -big + 1});
  CHECK(low(found.max_element) == static_cast<std::uint64_t>(big + 1));
  CHECK(low(found.min_element) == static_cast<std::uint64_t>(-big));
  const Statistics top = of<std::uint64_t>(DType::uint64, {~0ULL, ~0ULL - 1});
  CHECK(low(top.max_element) == ~0ULL);
  CHECK(low(top.min_element) == ~0ULL - 1);
}

TEST_CASE("sub-byte integers have their sign in the top bit of the code") {
  const Statistics four = of_codes(DType::int4, {0x8, 0x7, 0xf, 0x0});
  CHECK(four.min == -8);
  CHECK(four.max == 7);
  CHECK(four.mean == -0.5);
  CHECK(of_codes(DType::int2, {2, 1}).min == -2);
  CHECK(of_codes(DType::uint4, {15, 1}).mean == 8);
  CHECK(of_codes(DType::uint2, {3, 0}).max == 3);
  CHECK(of_codes(DType::qint8, {0x80, 0x7f}).min == -128);
  CHECK(of_codes(DType::quint8, {0x80, 0x7f}).max == 128);
  CHECK(of<std::int32_t>(DType::qint32, {-5, 5}).std == 5);
}

TEST_CASE("bool is 0 and 1") {
  const Statistics found = of_codes(DType::boolean, {1, 0, 0, 1, 1});
  CHECK(found.mean == doctest::Approx(0.6).epsilon(1e-15));
  CHECK(found.zeros == 2);
  CHECK(found.max == 1);
}

TEST_CASE("all codes of every small float: NaN, infinities, zeros, minimum and maximum") {
  struct Row {
    DType dtype;
    unsigned codes, nans, infinities, zeros;
    double min, max;
  };
  const Row rows[] = {
      {DType::float4_e2m1fn, 16, 0, 0, 2, -6, 6},
      {DType::float6_e2m3fn, 64, 0, 0, 2, -7.5, 7.5},
      {DType::float6_e3m2fn, 64, 0, 0, 2, -28, 28},
      {DType::float8_e4m3fn, 256, 2, 0, 2, -448, 448},
      {DType::float8_e4m3fnuz, 256, 1, 0, 1, -240, 240},
      {DType::float8_e4m3b11fnuz, 256, 1, 0, 1, -30, 30},
      {DType::float8_e5m2, 256, 6, 2, 2, -57344, 57344},
      {DType::float8_e5m2fnuz, 256, 1, 0, 1, -57344, 57344},
      {DType::float8_e8m0fnu, 256, 1, 0, 0, 0x1p-127, 0x1p127},
  };
  for (const Row& row : rows) {
    CAPTURE(to_string(row.dtype));
    std::vector<std::uint8_t> codes;
    for (unsigned code = 0; code < row.codes; ++code)
      codes.push_back(static_cast<std::uint8_t>(code));
    const Statistics found = of_codes(row.dtype, codes);
    CHECK(found.count == row.codes);
    CHECK(found.nans == row.nans);
    CHECK(found.infinities() == row.infinities);
    CHECK(found.zeros == row.zeros);
    CHECK(found.min == row.min);
    CHECK(found.max == row.max);
    if (row.dtype != DType::float8_e8m0fnu) CHECK(found.mean == 0);
  }
  CHECK(of<std::uint16_t>(DType::float16, {0x3c00, 0xc000, 0x7c00, 0x7e01}).min == -2);
  CHECK(of<std::uint16_t>(DType::bfloat16, {0x3f80, 0x4040, 0xff80, 0x7fc1}).max == 3);
}

TEST_CASE("a complex element is two numbers") {
  const Statistics found = of<float>(DType::complex64, {1, -2, 3, 0});
  CHECK(found.count == 4);
  CHECK(found.zeros == 1);
  CHECK(found.min == -2);
  CHECK(found.mean == 0.5);
  CHECK(of<double>(DType::complex128, {4, 8}).std == 2);
}

TEST_CASE("longdouble: more digits and range than a double") {
  std::string bytes(32, '\0');
  bytes.replace(7, 3, "\x80\xff\x3f");  // 1.0
  bytes.replace(16, 1, "\x01");         // the same and 2^-63
  bytes.replace(23, 3, "\x80\xff\x3f");
  const Statistics found = statistics(tensor_of("t", DType::longdouble, {2}, bytes));
  CHECK(found.min == 1);
  CHECK(low(found.max_element) == 0x8000000000000001ULL);
  CHECK(low(found.min_element) == 0x8000000000000000ULL);
  CHECK(found.mean == 1);
}

TEST_CASE(
    "the sums are stable: a small spread far from zero, and numbers at the ends of the range") {
  std::vector<double> values;
  for (int i = 0; i < 100'000; ++i) values.push_back(1e9 + (i % 2 == 0 ? 0.5 : -0.5));
  const Statistics far = of<double>(DType::float64, values);
  CHECK(far.mean == 1e9);
  CHECK(far.std == doctest::Approx(0.5).epsilon(1e-12));
  const double most = std::numeric_limits<double>::max();
  const Statistics large = of<double>(DType::float64, std::vector<double>(10'000, most));
  CHECK(large.mean == doctest::Approx(most).epsilon(1e-12));
  CHECK(large.nans == 0);
}

TEST_CASE("of a whole manifest: a tensor that cannot be read is told, the others are counted") {
  Manifest manifest;
  manifest.tensors.push_back(tensor_of("good", DType::uint8, {2}, "\x01\x03"));
  manifest.tensors.push_back(tensor_of("bad", DType::uint8, {2}, "\x01\x03"));
  manifest.tensors[1].stored.pieces[0].checksum = Checksum{Checksum::Kind::crc32c, "abcd"};
  const auto all = statistics_of_all(manifest);
  CHECK(all[0].statistics.mean == 2);
  CHECK(!all[0].problem);
  REQUIRE(all[1].problem);
  CHECK(all[1].problem->id() == "corrupt.checksum");
}
