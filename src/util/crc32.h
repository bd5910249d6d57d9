// CRC-32 of zip, gzip and PNG (reflected 0xEDB88320, initial value and final xor all-ones), RFC
// 1952 section 8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tensorferry {

/// The CRC of what gave `crc`, followed by `bytes`. Start with 0.
std::uint32_t crc32(std::uint32_t crc, std::span<const std::byte> bytes);

/// The CRC of a concatenation, from the CRC of each part and the length of the second.
std::uint32_t crc32_combine(std::uint32_t first, std::uint32_t second, std::uint64_t second_length);

/// The other way round: the CRC of the second part, from that of the concatenation and that of the
/// first.
std::uint32_t crc32_of_rest(std::uint32_t whole, std::uint32_t first, std::uint64_t second_length);

/// And that of the first part, from that of the concatenation and that of the second.
std::uint32_t crc32_without_rest(std::uint32_t whole, std::uint32_t second,
                                 std::uint64_t second_length);

/// Most significant byte first, as Checksum::value holds a CRC.
std::string crc_bytes(std::uint32_t crc);

}  // namespace tensorferry
