#include <doctest/doctest.h>
#include <zlib.h>

#include <random>
#include <vector>

#include "util/deflate.h"

using namespace tensorferry;

namespace {

/// Bytes that compress somewhat, and repeat across any block.
std::vector<std::byte> some_bytes(std::size_t count) {
  std::mt19937 random(1);
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i)
    bytes[i] = i % 50'000 > 20'000 ? bytes[i - 20'000] : static_cast<std::byte>(random() & 63);
  return bytes;
}

std::vector<std::byte> inflated(std::span<const std::byte> in, std::size_t size, int window_bits) {
  std::vector<std::byte> out(size + 1);
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, window_bits) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  CHECK(stream.avail_in == 0);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

}  // namespace

TEST_CASE("zlib reads the streams of every level") {
  for (std::size_t size : {0u, 1u, 1000u, 300'000u}) {
    const auto bytes = some_bytes(size);
    for (int level = 0; level <= 9; ++level)
      CHECK(inflated(zlib_compressed(bytes, level), size, MAX_WBITS) == bytes);
  }
}

TEST_CASE("planes that do not compress are stored, and the others compressed") {
  std::mt19937 random(2);
  std::vector<std::byte> bytes(4 * 100'000);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(random() & (i < 200'000 ? 255u : 3u));
  for (int level : {0, 1, 4, 6, 9}) {
    const auto stream = zlib_compressed(bytes, level, 4);
    CHECK(inflated(stream, bytes.size(), MAX_WBITS) == bytes);
    if (level > 0) CHECK(stream.size() < 280'000);
  }
  const auto noise = std::span(bytes).first(150'000);
  CHECK(inflated(zlib_compressed(noise, 1, 2), noise.size(), MAX_WBITS) ==
        std::vector<std::byte>(noise.begin(), noise.end()));
}

TEST_CASE("blocks that were made apart join to one stream, and refer to what was before") {
  const auto bytes = some_bytes(200'000);
  for (std::size_t block : {1000u, 40'000u, 200'000u}) {
    for (int level : {0, 1, 6, 9}) {
      std::vector<std::byte> stream;
      for (std::size_t at = 0; at < bytes.size(); at += block) {
        const std::size_t length = std::min(block, bytes.size() - at);
        const auto part =
            deflated_block(std::span(bytes).first(at), std::span(bytes).subspan(at, length), level,
                           at + length == bytes.size());
        stream.insert(stream.end(), part.begin(), part.end());
      }
      CHECK(inflated(stream, bytes.size(), -MAX_WBITS) == bytes);
      if (level == 6 && block == 40'000) {
        const auto whole = deflated_block({}, bytes, level, true);
        CHECK(stream.size() < whole.size() * 102 / 100);
      }
    }
  }
}

TEST_CASE("inflating tells what is too large and what is damaged") {
  const auto bytes = some_bytes(100'000);
  auto stream = zlib_compressed(bytes, 4);
  std::vector<std::byte> out(bytes.size() + 10);
  CHECK(zlib_inflate(stream, out) == Inflation::whole);
  CHECK(out == bytes);
  stream.push_back(std::byte{1});  // padding
  CHECK(zlib_inflate(stream, out) == Inflation::whole);
  out.resize(bytes.size() - 1);
  CHECK(zlib_inflate(stream, out) == Inflation::too_large);
  out.resize(bytes.size());
  CHECK(zlib_inflate(std::span(stream).first(stream.size() / 2), out) == Inflation::damaged);
  CHECK(zlib_inflate({}, out) == Inflation::damaged);
  stream[stream.size() - 2] ^= std::byte{1};  // of the checksum
  CHECK(zlib_inflate(stream, out) == Inflation::damaged);
}
