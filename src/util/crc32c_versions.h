// The ways to compute CRC32C.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tensorferry::detail {

struct Crc32cVersion {
  std::string_view name;
  std::uint32_t (*compute)(std::uint32_t crc, std::span<const std::byte> bytes);
};

/// Those that this processor can run, the fastest first, the portable one last.
std::vector<Crc32cVersion> crc32c_versions();

/// Without the processor's help.
std::uint32_t crc32c_portable(std::uint32_t crc, std::span<const std::byte> bytes);

#if defined(__x86_64__)
std::uint32_t crc32c_sse42(std::uint32_t crc, std::span<const std::byte> bytes);
std::uint32_t crc32c_avx512(std::uint32_t crc, std::span<const std::byte> bytes);
#endif

}  // namespace tensorferry::detail
