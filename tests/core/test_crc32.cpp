#include <doctest/doctest.h>
#include <zlib.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "util/crc32.h"
#include "util/crc_versions.h"

using tensorferry::crc32_combine;
using tensorferry::crc32_of_rest;
using tensorferry::crc32_without_rest;
using tensorferry::detail::crc32_portable;

namespace {

std::vector<std::byte> random_bytes(std::size_t count) {
  std::mt19937 random(20240229);
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 255);
  return bytes;
}

std::uint32_t of_zlib(std::uint32_t start, std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(start, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

TEST_CASE("CRC-32 agrees with the published vectors") {
  const std::pair<std::string_view, std::uint32_t> table[] = {
      {"", 0}, {"a", 0xe8b7be43}, {"123456789", 0xcbf43926}};
  for (const auto& [text, crc] : table) {
    CHECK(tensorferry::crc32(0, std::as_bytes(std::span(text))) == crc);
    CHECK(crc32_portable(0, std::as_bytes(std::span(text))) == crc);
  }
}

TEST_CASE("CRC-32 is that of zlib at every length and alignment, from any start") {
  const auto versions = tensorferry::detail::crc32_versions();
  const std::vector<std::byte> data = random_bytes(3016);
  for (std::size_t length = 1; length <= 3000; ++length) {
    const auto part = std::span(data).subspan(length % 16, length);
    const auto start = static_cast<std::uint32_t>(length * 2654435761u);
    const std::uint32_t expected = of_zlib(start, part);
    if (tensorferry::crc32(start, part) != expected) FAIL("length ", length);
    for (const auto& version : versions) {
      if (version.compute(start, part) != expected) FAIL(version.name, ", length ", length);
    }
  }
}

TEST_CASE("CRC-32 of parts combine to that of the whole, and are taken apart again") {
  const std::vector<std::byte> data = random_bytes(10'000);
  const std::uint32_t whole = tensorferry::crc32(0, data);
  for (std::size_t cut : {0u, 1u, 63u, 64u, 65u, 4096u, 9'999u, 10'000u}) {
    const auto head = std::span(data).first(cut), tail = std::span(data).subspan(cut);
    const std::uint32_t first = tensorferry::crc32(0, head), second = tensorferry::crc32(0, tail);
    CHECK(tensorferry::crc32(first, tail) == whole);
    CHECK(crc32_combine(first, second, tail.size()) == whole);
    CHECK(crc32_of_rest(whole, first, tail.size()) == second);
    CHECK(crc32_without_rest(whole, second, tail.size()) == first);
  }
}
