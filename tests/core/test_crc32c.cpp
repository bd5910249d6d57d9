#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "util/crc32c.h"
#include "util/crc_versions.h"

using tensorferry::crc32c;
using tensorferry::crc32c_combine;
using tensorferry::detail::crc32c_portable;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::vector<std::byte> random_bytes(std::size_t count) {
  std::mt19937 random(20240229);
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 255);
  return bytes;
}

// The definition, bit by bit.
std::uint32_t reference(std::span<const std::byte> bytes) {
  std::uint32_t crc = ~0u;
  for (std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
  }
  return ~crc;
}

}  // namespace

TEST_CASE("CRC32C agrees with the published vectors") {
  std::string ascending;
  for (int i = 0; i < 32; ++i) ascending += static_cast<char>(i);
  const std::pair<std::string, std::uint32_t> table[] = {{"", 0},
                                                         {"a", 0xc1d04330},
                                                         {"123456789", 0xe3069283},
                                                         {std::string(32, '\0'), 0x8a9136aa},
                                                         {std::string(32, '\xff'), 0x62a8ab43},
                                                         {ascending, 0x46dd794e}};
  for (const auto& [text, crc] : table) {
    CHECK(crc32c(0, bytes_of(text)) == crc);
    CHECK(crc32c_portable(0, bytes_of(text)) == crc);
  }
}

TEST_CASE(
    "every way that this processor has agrees with the portable one at every length and "
    "alignment") {
  const std::vector<std::byte> data = random_bytes(5008);
  for (std::size_t length = 0; length <= 5000; ++length) {
    const auto part = std::span(data).subspan(length % 8, length);
    const std::uint32_t start = static_cast<std::uint32_t>(length * 2654435761u);
    const std::uint32_t expected = crc32c_portable(start, part);
    for (const auto& version : tensorferry::detail::crc32c_versions()) {
      if (version.compute(start, part) != expected) FAIL(version.name, ", length ", length);
    }
  }
  for (std::size_t offset = 0; offset < 8; ++offset) {
    for (std::size_t length : {0u, 1u, 7u, 8u, 767u, 768u, 769u, 1535u, 4999u}) {
      const auto part = std::span(data).subspan(offset, length);
      CHECK(crc32c(0, part) == reference(part));
      CHECK(crc32c_portable(0, part) == reference(part));
    }
  }
}

TEST_CASE("every way that this processor has agrees with the definition on large buffers") {
  const std::vector<std::byte> data = random_bytes(200'003);
  for (const auto& version : tensorferry::detail::crc32c_versions()) {
    CAPTURE(version.name);
    for (std::size_t length :
         {24575u, 24576u, 24577u, 49152u, 50'000u, 73728u + 768u + 8u + 3u, 200'003u}) {
      const auto part = std::span(data).first(length);
      CHECK(version.compute(0, part) == reference(part));
    }
  }
}

TEST_CASE("a CRC continues over pieces") {
  const std::vector<std::byte> data = random_bytes(40'000);
  const std::uint32_t whole = crc32c(0, data);
  for (std::size_t cut : {0u, 1u, 3u, 100u, 24'576u, 39'999u, 40'000u}) {
    const std::uint32_t first = crc32c(0, std::span(data).first(cut));
    CHECK(crc32c(first, std::span(data).subspan(cut)) == whole);
  }
}

TEST_CASE("CRCs of parts combine to that of the whole") {
  const std::vector<std::byte> data = random_bytes(10'000);
  const std::uint32_t whole = crc32c(0, data);
  for (std::size_t cut : {0u, 1u, 2u, 255u, 256u, 4096u, 9'999u, 10'000u}) {
    const auto head = std::span(data).first(cut), tail = std::span(data).subspan(cut);
    CHECK(crc32c_combine(crc32c(0, head), crc32c(0, tail), tail.size()) == whole);
  }
  // Shifting is associative also where no buffer could be that long.
  const std::uint64_t large = (std::uint64_t{1} << 40) + 12345;
  CHECK(crc32c_combine(crc32c_combine(whole, 0, large), 0, large) ==
        crc32c_combine(whole, 0, 2 * large));
}
