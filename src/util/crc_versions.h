// The ways to compute CRC-32 and CRC32C.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tensorferry::detail {

struct CrcVersion {
  std::string_view name;
  std::uint32_t (*compute)(std::uint32_t crc, std::span<const std::byte> bytes);
};

/// Those that this processor can run, the fastest first, the portable one last.
std::vector<CrcVersion> crc32_versions();
std::vector<CrcVersion> crc32c_versions();

/// Without the processor's help.
std::uint32_t crc32_portable(std::uint32_t crc, std::span<const std::byte> bytes);
std::uint32_t crc32c_portable(std::uint32_t crc, std::span<const std::byte> bytes);

#if defined(__x86_64__)
std::uint32_t crc32c_sse42(std::uint32_t crc, std::span<const std::byte> bytes);
std::uint32_t crc32c_avx512(std::uint32_t crc, std::span<const std::byte> bytes);
#elif defined(__aarch64__)
/// Whether this processor has the CRC32 instructions, which ARMv8.0 leaves open.
bool has_crc_instructions();
std::uint32_t crc32_armv8(std::uint32_t crc, std::span<const std::byte> bytes);
std::uint32_t crc32c_armv8(std::uint32_t crc, std::span<const std::byte> bytes);
#endif

}  // namespace tensorferry::detail
