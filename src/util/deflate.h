// Whole blocks, compressed and inflated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tensorferry {

/// `bytes` as a zlib stream (RFC 1950). `level`: 0 (stored) to 9 (small). `planes`: the bytes fall
/// into so many parts of equal length, as a shuffle makes them; up to level 6, leading parts of
/// which a sample does not compress are stored. Thread-safe. The same arguments give the same
/// stream within one build.
std::vector<std::byte> zlib_compressed(std::span<const std::byte> bytes, int level,
                                       std::size_t planes = 1);

/// How many bytes one of deflate can stand for: it makes at most 258 of 2 bits.
inline constexpr std::uint64_t kMostInflation = 1032;

enum class Inflation : std::uint8_t { whole, too_large, damaged };

/// Inflates a zlib stream into `bytes`, which has room for the most that it may hold and becomes as
/// long as it is. Bytes behind the stream do not matter. Thread-safe.
Inflation zlib_inflate(std::span<const std::byte> stream, std::vector<std::byte>& bytes);

/// One block of a raw deflate stream (RFC 1951). The blocks of a stream can be made side by side
/// and joined: `before` is what was compressed before this one, of which the last 32 KiB serve. All
/// but the last end at a byte. Thread-safe.
std::vector<std::byte> deflated_block(std::span<const std::byte> before,
                                      std::span<const std::byte> bytes, int level, bool last);

/// How much of what was compressed before can be referred to.
inline constexpr std::size_t kDeflateWindow = 32u << 10;

}  // namespace tensorferry
