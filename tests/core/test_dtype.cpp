#include <doctest/doctest.h>

#include <limits>
#include <set>
#include <string>

#include "error_id.h"
#include "tensorferry/dtype.h"

using namespace tensorferry;

TEST_CASE("every row of the table is found by its name") {
  std::set<std::string_view> names;
  for (const DTypeInfo& row : all_dtypes()) {
    CHECK(&info(row.dtype) == &row);
    CHECK(names.insert(row.name).second);
    if (row.dtype == DType::unknown) continue;
    CHECK(dtype_from_name(row.name) == row.dtype);
    CHECK(parse_dtype(row.name).dtype == row.dtype);
    CHECK(is_fixed_size(row.dtype) == (row.bytes != 0));
    CHECK(row.bits <= 8 * row.bytes);
    if (row.bytes != 0) CHECK(row.bytes % row.component_bytes == 0);
  }
  CHECK(all_dtypes().size() == 38);
  CHECK(to_string(DType::unknown) == "?");
  CHECK(!dtype_from_name("?"));
  CHECK(to_string(DType::boolean) == "bool");
  CHECK(to_string(static_cast<DType>(200)) == "?");
}

TEST_CASE("numpy descriptions give dtype and byte order") {
  struct Row {
    std::string_view text;
    DType dtype;
    std::optional<bool> big_endian;
  };
  const Row table[] = {
      {"<f4", DType::float32, false},     {">f4", DType::float32, true},
      {">i2", DType::int16, true},        {"|b1", DType::boolean, std::nullopt},
      {"|i1", DType::int8, std::nullopt}, {"<u8", DType::uint64, false},
      {"<c8", DType::complex64, false},   {">c16", DType::complex128, true},
      {"<f2", DType::float16, false},     {"<f16", DType::longdouble, false},
      {"<u1", DType::uint8, false},       {"float32", DType::float32, std::nullopt}};
  for (const Row& row : table) {
    CAPTURE(row.text);
    const ParsedDType parsed = parse_dtype(row.text);
    CHECK(parsed.dtype == row.dtype);
    CHECK(parsed.big_endian == row.big_endian);
  }
}

TEST_CASE("short words that can mean one type only are taken") {
  CHECK(parse_dtype("fp16").dtype == DType::float16);
  CHECK(parse_dtype("bf16").dtype == DType::bfloat16);
  CHECK(parse_dtype("fp32").dtype == DType::float32);
  CHECK(parse_dtype("f64").dtype == DType::float64);
  CHECK(!parse_dtype("i64").big_endian);
  CHECK(error_message([] { parse_dtype("half"); }).find("write float16 or bfloat16") !=
        std::string::npos);
}

TEST_CASE("ambiguous words are refused with the list of names") {
  for (const char* text : {"float", "half", "double", "int", "long", "V2", "<V2", "|V1", "<f1",
                           "f4", "i8", "|f4", "f16", "float8", "complex", "b1"}) {
    CAPTURE(text);
    const auto error = error_of([&] { parse_dtype(text); });
    REQUIRE(error);
    CHECK(error->id() == "unsupported.ambiguous_dtype");
    CHECK(error->message().find("bfloat16, float32, float64") != std::string::npos);
  }
}

TEST_CASE("unknown dtypes are refused, and the nearest name is offered") {
  for (const char* text : {"", "<", "<f", "<f3", "<f4x", "<f-4", "|S5", "<U3", "|O", "<M8[ns]",
                           "=f4", "flaot32", "Float32", " float32", "?", "<f99999999999"}) {
    CAPTURE(text);
    CHECK(error_id([&] { parse_dtype(text); }) == "unsupported.dtype");
  }
  CHECK(error_message([] { parse_dtype("flaot32"); }).find("did you mean float32?") !=
        std::string::npos);
}

TEST_CASE("element counts are independent of the order of extents") {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  CHECK(element_count({}) == 1);
  CHECK(element_count({0}) == 0);
  CHECK(element_count({2, 3, 4}) == 24);
  CHECK(element_count({kMost}) == kMost);
  CHECK(element_count({kMost, 0}) == 0);
  const std::uint64_t two32 = std::uint64_t{1} << 32;
  for (const Shape& shape : {Shape{kMost + 1}, Shape{two32, two32}, Shape{two32, two32, 0},
                             Shape{0, two32, two32}, Shape{two32, 0, two32}, Shape{kMost, 2}}) {
    CAPTURE(to_string(shape));
    CHECK(error_id([&] { element_count(shape); }) == "corrupt.shape");
  }
}

TEST_CASE("checked arithmetic stops at 2^63 - 1") {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  CHECK(checked_add(kMost, 0) == kMost);
  CHECK(error_id([] { checked_add(kMost, 1); }) == "corrupt.overflow");
  CHECK(error_id([] { checked_add(~std::uint64_t{0}, 2); }) == "corrupt.overflow");
  CHECK(checked_multiply(kMost, 1) == kMost);
  CHECK(checked_multiply(kMost, 0) == 0);
  CHECK(error_id([] { checked_multiply(kMost / 2 + 1, 2); }) == "corrupt.overflow");
  CHECK(error_id([] { checked_multiply(kMost, kMost); }) == "corrupt.overflow");
}

TEST_CASE("shapes are written as lists") {
  CHECK(to_string(Shape{}) == "[]");
  CHECK(to_string(Shape{2, 3}) == "[2, 3]");
}

TEST_CASE("encoded sizes of every codec") {
  struct Row {
    DType dtype;
    Codec codec;
    std::uint64_t elements, bytes;
  };
  const Row table[] = {
      {DType::float32, Codec::plain, 3, 12},       {DType::int4, Codec::plain, 3, 3},
      {DType::int4, Codec::packed, 3, 2},          {DType::int4, Codec::packed, 0, 0},
      {DType::int2, Codec::packed, 5, 2},          {DType::uint2, Codec::packed, 4, 1},
      {DType::float6_e2m3fn, Codec::packed, 4, 3}, {DType::float6_e3m2fn, Codec::packed, 9, 7},
      {DType::int4, Codec::sign_extended, 3, 3},   {DType::longdouble, Codec::plain, 2, 32},
      {DType::longdouble, Codec::packed, 2, 32},   {DType::boolean, Codec::packed, 9, 9},
      {DType::complex128, Codec::plain, 2, 32}};
  for (const Row& row : table) {
    CAPTURE(to_string(row.dtype));
    CHECK(encoded_bytes(row.dtype, row.codec, row.elements) == row.bytes);
  }
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  CHECK(encoded_bytes(DType::int4, Codec::packed, kMost) == (kMost / 2) + 1);
  CHECK(error_id([] { encoded_bytes(DType::float32, Codec::plain, kMost / 2); }) ==
        "corrupt.overflow");
  CHECK(error_id([] { encoded_bytes(DType::string, Codec::plain, 1); }) == "internal.dtype");
}
