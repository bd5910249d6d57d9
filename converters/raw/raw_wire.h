// Strings in a file of bytes, element after element in row-major order, without gaps:
//
//   | length: u64, little-endian | `length` bytes | length | bytes | ...
//
// This is also what `hash` digests. Everything else in a raw file is described by the manifest
// alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tensorferry {

/// The bytes of each string's length.
inline constexpr std::uint64_t raw_string_header = 8;

std::string encode_raw_strings(const std::vector<std::string>& strings);
/// Throws Error(corrupt.strings) unless `bytes` holds exactly `count` strings.
std::vector<std::string> decode_raw_strings(std::string_view bytes, std::uint64_t count);

}  // namespace tensorferry
