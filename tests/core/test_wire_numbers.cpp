// Numbers of a repeated field, packed or not, from any place.
#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "error_id.h"
#include "util/wire_numbers.h"

using namespace tensorferry;

namespace {

std::string packed(std::uint32_t number, const std::string& contents) {
  std::string message;
  wire::append_bytes_header(message, number, contents.size());
  return message + contents;
}

std::string varints(const std::vector<std::uint64_t>& values) {
  std::string bytes;
  for (const std::uint64_t value : values) wire::append_varint(bytes, value);
  return bytes;
}

std::vector<std::uint64_t> read_all(const std::string& message, const wire::NumberField& field) {
  const auto file = memory_file("m", std::string_view(message));
  const wire::Numbers numbers(*file, 0, file->size(), field);
  std::vector<std::byte> bytes(numbers.count() * field.width);
  numbers.read(*file, 0, bytes);
  std::vector<std::uint64_t> values(numbers.count());
  for (std::size_t i = 0; i < values.size(); ++i)
    std::memcpy(&values[i], bytes.data() + i * field.width, field.width);
  return values;
}

constexpr wire::NumberField kVarint{7, wire::Type::varint, 8, false};
using Values = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("numbers: packed, unpacked and mixed, between other fields") {
  std::string message = packed(7, varints({1, 300}));
  message += std::string("\x38\x05", 2);  // unpacked
  message += packed(9, "another field");
  message += std::string("\x08\x01", 2);  // a varint of another field
  message += packed(7, "") + packed(7, varints({~std::uint64_t{0}}));
  CHECK(read_all(message, kVarint) == Values{1, 300, 5, ~std::uint64_t{0}});
  CHECK(read_all("", kVarint).empty());
  CHECK(read_all(packed(9, "x"), kVarint).empty());
}

TEST_CASE("numbers: varints are cut to their width, or to 0 and 1") {
  const std::string message = packed(7, varints({~std::uint64_t{0}, 256, 2, 0}));
  CHECK(read_all(message, {7, wire::Type::varint, 1, false}) == Values{255, 0, 2, 0});
  CHECK(read_all(message, {7, wire::Type::varint, 1, true}) == Values{1, 1, 1, 0});
}

TEST_CASE("numbers: those of fixed size") {
  const wire::NumberField floats{5, wire::Type::fixed32, 4, false};
  const std::string message =
      packed(5, std::string("\1\0\0\0\2\0\0\0", 8)) + std::string("\x2d\3\0\0\0", 5);
  CHECK(read_all(message, floats) == Values{1, 2, 3});
  CHECK(error_id([&] { read_all(packed(5, "abc"), floats); }) == "corrupt.message");
}

TEST_CASE("numbers: any range of many, across the windows and the marks") {
  Values values;
  std::string bytes, message;
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    values.push_back(i * i * 977);
    wire::append_varint(bytes, values.back());
    if (i % 70'001 == 0) {  // a run ends anywhere
      message += packed(7, bytes);
      bytes.clear();
    }
  }
  message += packed(7, bytes);
  const auto file = memory_file("m", std::string_view(message));
  const wire::Numbers numbers(*file, 0, file->size(), kVarint);
  REQUIRE(numbers.count() == values.size());
  for (const std::size_t first : {std::size_t{0}, std::size_t{65'535}, std::size_t{65'536},
                                  std::size_t{70'001}, std::size_t{199'990}}) {
    const std::size_t count = std::min<std::size_t>(70'000, values.size() - first);
    Values got(count);
    numbers.read(*file, first, std::as_writable_bytes(std::span(got)));
    CHECK(std::equal(got.begin(), got.end(), values.begin() + static_cast<std::ptrdiff_t>(first)));
  }
}

TEST_CASE("numbers: what is malformed is refused") {
  const std::string eleven = std::string(10, '\xff') + '\1';
  for (const std::string& message : {packed(7, "\xff"), packed(7, eleven), std::string("\x3c", 1)})
    CHECK(error_id([&] { read_all(message, kVarint); }) == "corrupt.message");
  for (const std::string& message :
       {std::string("\x3a\x7f\1", 3), std::string("\x3b", 1), std::string("\x38", 1)}) {
    CHECK(error_id([&] { read_all(message, kVarint); }) == "corrupt.truncated");
  }
}

TEST_CASE("numbers: a field of another wire type is one that is not known") {
  CHECK(read_all(std::string("\x3d\0\0\0\0\x38\5\x3b\x3c", 9), kVarint) == Values{5});
}
