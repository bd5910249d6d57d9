// CRC32C (Castagnoli, reflected 0x82F63B78, initial value and final xor all-ones), RFC 3720
// appendix B.4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tensorferry {

/// The CRC of what gave `crc`, followed by `bytes`. Start with 0.
std::uint32_t crc32c(std::uint32_t crc, std::span<const std::byte> bytes);

/// The CRC of a concatenation, from the CRC of each part and the length of the second.
std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second,
                             std::uint64_t second_length);

}  // namespace tensorferry
