// What happens to elements between source and target, against definitions spelled out here.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "plan/kernels.h"

using namespace tensorferry;

namespace {

std::vector<std::byte> random_bytes(std::size_t n, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(n);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

}  // namespace

TEST_CASE("swapping reverses each component") {
  for (std::uint32_t unit : {1u, 2u, 4u, 8u, 16u}) {
    CAPTURE(unit);
    auto bytes = random_bytes(unit * 37);
    auto expected = bytes;
    for (std::size_t i = 0; i < bytes.size(); i += unit) {
      std::reverse(expected.begin() + static_cast<std::ptrdiff_t>(i),
                   expected.begin() + static_cast<std::ptrdiff_t>(i + unit));
    }
    swap_bytes(bytes, unit);
    CHECK(bytes == expected);
  }
}

TEST_CASE("bool bytes become 0 or 1, and the others are counted") {
  auto bytes = bytes_of({0, 1, 2, 255, 0, 128});
  CHECK(normalise(DType::boolean, bytes) == 3);
  CHECK(bytes == bytes_of({0, 1, 1, 1, 0, 1}));
}

TEST_CASE("sub-byte types lose what stands above their bits") {
  auto four = bytes_of({0x0f, 0xf8, 0x18, 0x00});
  normalise(DType::int4, four);
  CHECK(four == bytes_of({0x0f, 0x08, 0x08, 0x00}));
  auto six = bytes_of({0xff, 0x40});
  normalise(DType::float6_e2m3fn, six);
  CHECK(six == bytes_of({0x3f, 0x00}));
  auto eight = random_bytes(256);
  const auto before = eight;
  normalise(DType::float8_e4m3fn, eight);
  normalise(DType::int8, eight);
  CHECK(eight == before);
}

TEST_CASE("the padding of longdouble becomes zero") {
  auto bytes = random_bytes(32);
  auto expected = bytes;
  for (std::size_t i : {10u, 11u, 12u, 13u, 14u, 15u})
    expected[i] = expected[16 + i] = std::byte{0};
  normalise(DType::longdouble, bytes);
  CHECK(bytes == expected);
}

TEST_CASE("all codes of int2 and int4 as int8 values") {
  auto two = bytes_of({0, 1, 2, 3});
  sign_extend(DType::int2, two);
  CHECK(two == bytes_of({0, 1, -2, -1}));
  auto four = bytes_of({0, 7, 8, 15});
  sign_extend(DType::int4, four);
  CHECK(four == bytes_of({0, 7, -8, -1}));
}

TEST_CASE(
    "packing puts the first element into the lowest bits, and unpacking undoes it from any bit") {
  auto nibbles = bytes_of({1, 2, 3});
  std::vector<std::byte> packed(2);
  pack_bits(DType::uint4, nibbles, packed);
  CHECK(packed == bytes_of({0x21, 0x03}));
  for (DType dtype : {DType::uint2, DType::int4, DType::float6_e3m2fn, DType::float4_e2m1fn}) {
    for (std::size_t count : {1u, 2u, 3u, 4u, 5u, 8u, 31u, 1000u}) {
      CAPTURE(to_string(dtype));
      CAPTURE(count);
      const std::uint32_t bits = info(dtype).bits;
      auto codes = random_bytes(count);
      normalise(dtype, codes);
      std::vector<std::byte> stream(encoded_bytes(dtype, Codec::packed, count));
      CHECK(stream.size() == (count * bits + 7) / 8);
      pack_bits(dtype, codes, stream);
      for (std::size_t i = 0; i < count; ++i) {
        std::vector<std::byte> one(1);
        const std::size_t bit = i * bits;
        unpack_bits(dtype, std::span(stream).subspan(bit / 8), static_cast<std::uint32_t>(bit % 8),
                    one);
        REQUIRE(one[0] == codes[i]);
      }
    }
  }
}
