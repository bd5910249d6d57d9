#include "util/crc_versions.h"

#if defined(__aarch64__)

#if defined(__linux__)
#include <sys/auxv.h>
#endif

#include "util/crc_streams.h"

// arm_acle.h of Clang 14 has its functions only where the whole file is compiled for them.
#if defined(__clang__)
#define TENSORFERRY_CRC_NAMED(name) __builtin_arm_##name
#else
#include <arm_acle.h>
#define TENSORFERRY_CRC_NAMED(name) __##name
#endif

namespace tensorferry::detail {
namespace {

struct Crc32 {
  using Field = CrcField<0xEDB88320>;
  using Register = std::uint32_t;
  TENSORFERRY_CRC static Register word(Register crc, std::uint64_t bytes) {
    return TENSORFERRY_CRC_NAMED(crc32d)(crc, bytes);
  }
  TENSORFERRY_CRC static Register byte(Register crc, std::uint8_t value) {
    return TENSORFERRY_CRC_NAMED(crc32b)(crc, value);
  }
};

struct Crc32c {
  using Field = CrcField<0x82F63B78>;
  using Register = std::uint32_t;
  TENSORFERRY_CRC static Register word(Register crc, std::uint64_t bytes) {
    return TENSORFERRY_CRC_NAMED(crc32cd)(crc, bytes);
  }
  TENSORFERRY_CRC static Register byte(Register crc, std::uint8_t value) {
    return TENSORFERRY_CRC_NAMED(crc32cb)(crc, value);
  }
};

}  // namespace

bool has_crc_instructions() {
#if defined(__ARM_FEATURE_CRC32)
  return true;  // the whole program is compiled for them: so it is on macOS
#elif defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#else
  return false;
#endif
}

std::uint32_t crc32_armv8(std::uint32_t crc, std::span<const std::byte> bytes) {
  return crc_by_instruction<Crc32>(crc, bytes);
}

std::uint32_t crc32c_armv8(std::uint32_t crc, std::span<const std::byte> bytes) {
  return crc_by_instruction<Crc32c>(crc, bytes);
}

}  // namespace tensorferry::detail

#endif
