#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "util/wire.h"

using namespace tensorferry;
using namespace std::string_literals;

namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

std::string varint(std::uint64_t value) {
  std::string out;
  wire::append_varint(out, value);
  return out;
}

bool refuses(const std::string& bytes) {
  std::size_t position = 0;
  return !wire::next_field(bytes, position) && position == 0;
}

}  // namespace

TEST_CASE("a varint holds seven bits a byte, the lowest first") {
  CHECK(varint(0) == "\x00"s);
  CHECK(varint(127) == "\x7f"s);
  CHECK(varint(128) == "\x80\x01"s);
  CHECK(varint(300) == "\xac\x02"s);
  CHECK(varint(kMost) == "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s);
}

TEST_CASE("varint_size is what append_varint writes, around every power of two") {
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t power = std::uint64_t{1} << bit;
    for (const std::uint64_t value : {power - 1, power, power + 1}) {
      CHECK(wire::varint_size(value) == varint(value).size());
    }
  }
  CHECK(wire::varint_size(kMost) == 10);
}

TEST_CASE("a bytes header is tag and length, and its size is known beforehand") {
  for (const std::uint32_t number : {1u, 9u, 15u, 16u, 2047u, 2048u}) {
    for (const std::uint64_t length :
         {std::uint64_t{0}, std::uint64_t{200}, std::uint64_t{1} << 34}) {
      std::string out;
      wire::append_bytes_header(out, number, length);
      CHECK(out.size() == wire::bytes_header_size(number, length));
      std::size_t position = 0;
      const auto field = wire::next_field(out, position);
      REQUIRE(field);
      CHECK(field->number == number);
      CHECK(field->type == wire::Type::bytes);
      CHECK(field->value == length);
      CHECK(position == out.size());
    }
  }
}

TEST_CASE("next_field steps to the contents of a field, and over a varint") {
  const std::string bytes =
      "\x08\x96\x01\x12\x02xy\x1d"
      "abcd"
      "\x21"
      "12345678"s;
  std::size_t position = 0;
  auto field = wire::next_field(bytes, position);
  REQUIRE(field);
  CHECK(field->number == 1);
  CHECK(field->value == 150);
  CHECK(position == 3);
  field = wire::next_field(bytes, position);
  REQUIRE(field);
  CHECK(field->number == 2);
  CHECK(bytes.substr(position, 2) == "xy");
  position += 2;
  field = wire::next_field(bytes, position);
  REQUIRE(field);
  CHECK(field->type == wire::Type::fixed32);
  CHECK(field->value == 4);
  position += 4;
  field = wire::next_field(bytes, position);
  REQUIRE(field);
  CHECK(field->type == wire::Type::fixed64);
  CHECK(field->value == 8);
}

TEST_CASE("next_field refuses cut and malformed headers without moving") {
  CHECK(refuses(""));
  CHECK(refuses("\x08"s));
  CHECK(refuses("\x08\x80"s));
  CHECK(refuses("\x00\x01"s));                                          // field number 0
  CHECK(refuses("\x0b"s));                                              // a group without an end
  CHECK(refuses("\x0c"s));                                              // a group ends
  CHECK(refuses("\x0e\x01"s));                                          // type 6
  CHECK(refuses("\x0b\x14"s));                                          // another group ends
  CHECK(refuses("\x88\x80\x80\x80\x80\x00\x01"s));                      // a tag of six bytes
  CHECK(refuses("\x0a\x80\x80\x80\x80\x80\x00"s));                      // a length of six bytes
  CHECK(refuses("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s));  // an eleventh byte
  CHECK(refuses("\x80\x80\x80\x80\x10\x01"s));                          // field number 2^29
}

// What the official parsers do, tried with google.protobuf (upb).
TEST_CASE("a group is one field up to the tag that ends it, and bits above 64 are dropped") {
  std::string nested;
  for (int i = 0; i < wire::kMostDepth; ++i) nested = "\x0b" + nested + "\x0c";
  for (const std::string& group : {"\x0b\x0c"s,
                                   "\x0b\x10\x07\x1a\x01x\x2d"
                                   "abcd\x0c"s,
                                   nested}) {
    std::size_t position = 0;
    const auto field = wire::next_field(group + "\x10\x01", position);
    REQUIRE(field);
    CHECK(field->is(1, wire::Type::group));
    CHECK(position + field->length() == group.size());
  }
  CHECK(refuses("\x0b" + nested + "\x0c"));
  std::size_t position = 0;
  CHECK(wire::next_field("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"s, position)->value ==
        kMost >> 1);
}
