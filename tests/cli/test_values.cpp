#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "cli/values.h"
#include "tensorferry/values.h"

using namespace tensorferry;
using namespace tensorferry::cli;

namespace {

std::string show(DType dtype, std::vector<unsigned> bytes, Style style = Style::text) {
  std::vector<std::byte> raw;
  for (const unsigned byte : bytes) raw.push_back(static_cast<std::byte>(byte));
  REQUIRE(raw.size() == info(dtype).bytes);
  std::string out;
  append_value(out, dtype, raw.data(), style);
  return out;
}

template <typename T>
std::string show_as(DType dtype, T value, Style style = Style::text) {
  std::vector<std::byte> raw(sizeof value);
  std::memcpy(raw.data(), &value, sizeof value);
  std::string out;
  append_value(out, dtype, raw.data(), style);
  return out;
}

}  // namespace

TEST_CASE("bool is true or false") {
  CHECK(show(DType::boolean, {0}) == "false");
  CHECK(show(DType::boolean, {1}) == "true");
}

TEST_CASE("integers of every width are exact") {
  CHECK(show(DType::int2, {0b10}) == "-2");
  CHECK(show(DType::int2, {0b01}) == "1");
  CHECK(show(DType::uint2, {0b11}) == "3");
  CHECK(show(DType::int4, {0x08}) == "-8");
  CHECK(show(DType::int4, {0x0e}) == "-2");
  CHECK(show(DType::uint4, {0x0f}) == "15");
  CHECK(show(DType::int8, {0x80}) == "-128");
  CHECK(show(DType::uint8, {0xff}) == "255");
  CHECK(show(DType::int16, {0x00, 0x80}) == "-32768");
  CHECK(show(DType::uint16, {0x34, 0x12}) == "4660");
  CHECK(show(DType::int32, {0xff, 0xff, 0xff, 0xff}) == "-1");
  CHECK(show(DType::uint32, {0xff, 0xff, 0xff, 0xff}) == "4294967295");
  CHECK(show_as(DType::int64, std::int64_t{9007199254740993}) == "9007199254740993");
  CHECK(show_as(DType::int64, INT64_MIN) == "-9223372036854775808");
  CHECK(show_as(DType::uint64, UINT64_MAX) == "18446744073709551615");
  CHECK(show(DType::qint8, {0xfe}) == "-2");
  CHECK(show(DType::quint8, {0xfe}) == "254");
  CHECK(show(DType::qint16, {0xfe, 0xff}) == "-2");
  CHECK(show(DType::quint16, {0xfe, 0xff}) == "65534");
  CHECK(show(DType::qint32, {0xfe, 0xff, 0xff, 0xff}) == "-2");
}

TEST_CASE("floating-point numbers are the fewest digits that stand for them") {
  CHECK(show_as(DType::float32, 0.1F) == "0.1");
  CHECK(show_as(DType::float32, 1.0F) == "1.0");
  CHECK(show_as(DType::float32, -0.0F) == "-0.0");
  CHECK(show_as(DType::float32, 1e20F) == "1e+20");
  CHECK(show_as(DType::float64, 0.1) == "0.1");
  CHECK(show_as(DType::float64, 0.1 + 0.2) == "0.30000000000000004");
  CHECK(show_as(DType::float32, std::nanf("")) == "nan");
  CHECK(show_as(DType::float32, -std::nanf("")) == "nan");
  CHECK(show_as(DType::float64, -HUGE_VAL) == "-inf");
}

TEST_CASE("what JSON has no number for is a string") {
  CHECK(show_as(DType::float32, std::nanf(""), Style::json) == "\"NaN\"");
  CHECK(show_as(DType::float64, HUGE_VAL, Style::json) == "\"Infinity\"");
  CHECK(show_as(DType::float64, -HUGE_VAL, Style::json) == "\"-Infinity\"");
  CHECK(show(DType::boolean, {1}, Style::json) == "true");
}

TEST_CASE("complex numbers show both parts and their signs") {
  const float value[2] = {1.5F, -2.0F};
  std::string text, json;
  append_value(text, DType::complex64, reinterpret_cast<const std::byte*>(value), Style::text);
  append_value(json, DType::complex64, reinterpret_cast<const std::byte*>(value), Style::json);
  CHECK(text == "1.5-2.0j");
  CHECK(json == "[1.5,-2.0]");
  const double other[2] = {0.0, std::nan("")};
  text.clear();
  append_value(text, DType::complex128, reinterpret_cast<const std::byte*>(other), Style::text);
  CHECK(text == "0.0+nanj");
}

TEST_CASE("the 80-bit format is decoded from its bits") {
  const std::vector<unsigned> one = {0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f, 0, 0, 0, 0, 0, 0};
  CHECK(show(DType::longdouble, one) == "1.0");
  const std::vector<unsigned> minus_inf = {0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0xff, 0, 0, 0, 0, 0, 0};
  CHECK(show(DType::longdouble, minus_inf) == "-inf");
  const std::vector<unsigned> nan = {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0x7f, 0, 0, 0, 0, 0, 0};
  CHECK(show(DType::longdouble, nan) == "nan");
  // 0.1L: more digits than a double has would be needed if it were rounded on the way
  const std::vector<unsigned> tenth = {0xcd, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc,
                                       0xfb, 0x3f, 0,    0,    0,    0,    0,    0};
  CHECK(show(DType::longdouble, tenth) == "0.1");
  const auto of = [](std::uint64_t significand, unsigned top) {
    std::vector<unsigned> bytes(16);
    for (unsigned i = 0; i < 8; ++i) bytes[i] = significand >> (8 * i) & 255;
    bytes[8] = top & 255;
    bytes[9] = top >> 8;
    return show(DType::longdouble, bytes);
  };
  // The same on every processor, however wide its own long double is.
  CHECK(of(0xc90fdaa22168c235, 0x4000) == "3.1415926535897932385");
  CHECK(of(0xffffffffffffffff, 0x7ffe) == "1.189731495357231765e+4932");
  CHECK(of(1, 0) == "4e-4951");
  CHECK(of(0x123456789abcdef, 0x8000) == "-2.98853612721074974e-4934");
  CHECK(of(0x8000000000000000, 0x3fff + 70) == "1180591620717411303424.0");
  CHECK(of(0xc9f2c9cd04674edf, 0x3fff + 99) == "1e+30");
  CHECK(of(0x9600000000000000, 0x3fff + 10) == "1200.0");
  CHECK(of(0xc350000000000000, 0x3fff + 16) == "1e+05");
  CHECK(of(0xa7c5ac471b478423, 0x3fff - 17) == "1e-05");
  CHECK(of(0x8000000000000001, 0x3fff) == "1.0000000000000000001");
}

TEST_CASE("half and bfloat16 are decoded exactly") {
  CHECK(show(DType::float16, {0x00, 0x3c}) == "1.0");
  CHECK(show(DType::float16, {0x01, 0x00}) == "5.9604645e-08");
  CHECK(show(DType::float16, {0xff, 0x7b}) == "65504.0");
  CHECK(show(DType::float16, {0x00, 0xfc}) == "-inf");
  CHECK(show(DType::float16, {0x01, 0x7e}) == "nan");
  CHECK(show(DType::bfloat16, {0x80, 0x3f}) == "1.0");
  CHECK(show(DType::bfloat16, {0x49, 0x40}) == "3.140625");
  CHECK(show(DType::bfloat16, {0x80, 0xff}) == "-inf");
  CHECK(show(DType::bfloat16, {0xc0, 0x7f}) == "nan");
}

TEST_CASE("bfloat16 equals the upper half of a float32 for every code") {
  for (unsigned code = 0; code < 65536; ++code) {
    const std::uint32_t bits = code << 16;
    float want;
    std::memcpy(&want, &bits, sizeof want);
    const float got = decode_small_float(DType::bfloat16, code);
    const bool same =
        std::isnan(want) ? std::isnan(got) : want == got && std::signbit(want) == std::signbit(got);
    if (!same) FAIL("code " << code);
  }
}

// the table "Bit layouts for value conversion", checked there against ml_dtypes
TEST_CASE("small floating-point types: one, largest, smallest, NaN and infinity codes") {
  struct Row {
    DType dtype;
    unsigned one, largest_code;
    float largest, smallest;
    std::vector<unsigned> nans, infinities;
  };
  const Row rows[] = {
      {DType::float8_e4m3fn, 0x38, 0x7e, 448, 0x1p-9F, {0x7f, 0xff}, {}},
      {DType::float8_e4m3fnuz, 0x40, 0x7f, 240, 0x1p-10F, {0x80}, {}},
      {DType::float8_e4m3b11fnuz, 0x58, 0x7f, 30, 0x1p-13F, {0x80}, {}},
      {DType::float8_e5m2,
       0x3c,
       0x7b,
       57344,
       0x1p-16F,
       {0x7d, 0x7e, 0x7f, 0xfd, 0xfe, 0xff},
       {0x7c, 0xfc}},
      {DType::float8_e5m2fnuz, 0x40, 0x7f, 57344, 0x1p-17F, {0x80}, {}},
      {DType::float6_e2m3fn, 0x08, 0x1f, 7.5F, 0.125F, {}, {}},
      {DType::float6_e3m2fn, 0x0c, 0x1f, 28, 0.0625F, {}, {}},
      {DType::float4_e2m1fn, 0x2, 0x7, 6, 0.5F, {}, {}},
  };
  for (const Row& row : rows) {
    CAPTURE(to_string(row.dtype));
    const unsigned codes = 1U << info(row.dtype).bits;
    CHECK(decode_small_float(row.dtype, row.one) == 1.0F);
    CHECK(decode_small_float(row.dtype, row.largest_code) == row.largest);
    CHECK(decode_small_float(row.dtype, 1) == row.smallest);
    CHECK(decode_small_float(row.dtype, 0) == 0.0F);
    CHECK(decode_small_float(row.dtype, codes / 2 + row.one) == -1.0F);
    std::vector<unsigned> nans, infinities;
    for (unsigned code = 0; code < codes; ++code) {
      const float value = decode_small_float(row.dtype, code);
      if (std::isnan(value)) nans.push_back(code);
      if (std::isinf(value)) infinities.push_back(code);
    }
    CHECK(nans == row.nans);
    CHECK(infinities == row.infinities);
  }
}

TEST_CASE("float4 has the eight magnitudes of its specification") {
  const float want[] = {0, 0.5F, 1, 1.5F, 2, 3, 4, 6};
  for (unsigned code = 0; code < 8; ++code)
    CHECK(decode_small_float(DType::float4_e2m1fn, code) == want[code]);
}

TEST_CASE("the scale type is a power of two, and has no zero") {
  CHECK(decode_small_float(DType::float8_e8m0fnu, 0x7f) == 1.0F);
  CHECK(decode_small_float(DType::float8_e8m0fnu, 0) == 0x1p-127F);
  CHECK(decode_small_float(DType::float8_e8m0fnu, 0xfe) == 0x1p127F);
  CHECK(std::isnan(decode_small_float(DType::float8_e8m0fnu, 0xff)));
}

TEST_CASE("strings are quoted, escaped and cut for people") {
  std::string out;
  append_string(out, "a\x1b[31mb", Style::text);
  CHECK(out == "\"a\\x1b[31mb\"");
  out.clear();
  append_string(out, std::string(100, 'x'), Style::text, 10);
  CHECK(out.size() < 20);
}

TEST_CASE("strings are JSON text, or base64 when they are not UTF-8") {
  std::string out;
  append_string(out, "caf\xc3\xa9 \"\n", Style::json);
  CHECK(out == "\"caf\xc3\xa9 \\\"\\n\"");
  const std::pair<std::string, std::string> cases[] = {{"\xff", "/w=="},
                                                       {"\xff\xfe", "//4="},
                                                       {"\xff\xfe\xfd", "//79"},
                                                       {"\xc0\x80", "wIA="},
                                                       {"\xed\xa0\x80", "7aCA"}};
  for (const auto& [bytes, base64] : cases) {
    out.clear();
    append_string(out, bytes, Style::json);
    CHECK(out == "{\"base64\":\"" + base64 + "\"}");
  }
}
