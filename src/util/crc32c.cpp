#include "util/crc32c.h"

#include "util/crc_avx512.h"
#include "util/crc_field.h"
#include "util/crc_streams.h"
#include "util/crc_versions.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace tensorferry {
namespace {

using Field = CrcField<0x82F63B78>;

#if defined(__x86_64__)

struct Sse42 {
  using Field = tensorferry::Field;
  using Register = std::uint64_t;
  TENSORFERRY_CRC static Register word(Register crc, std::uint64_t bytes) {
    return _mm_crc32_u64(crc, bytes);
  }
  TENSORFERRY_CRC static std::uint32_t byte(std::uint32_t crc, std::uint8_t value) {
    return _mm_crc32_u8(crc, value);
  }
};

#endif

}  // namespace

#if defined(__x86_64__)

std::uint32_t detail::crc32c_sse42(std::uint32_t crc, std::span<const std::byte> bytes) {
  return crc_by_instruction<Sse42>(crc, bytes);
}

#endif

std::uint32_t detail::crc32c_portable(std::uint32_t crc, std::span<const std::byte> bytes) {
  return ~Field::update(~crc, bytes);
}

std::vector<detail::CrcVersion> detail::crc32c_versions() {
  std::vector<CrcVersion> versions;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) {
    if (has_wide_products()) versions.push_back({"avx512", crc32c_avx512});
    versions.push_back({"sse4.2", crc32c_sse42});
  }
#elif defined(__aarch64__)
  if (has_crc_instructions()) versions.push_back({"armv8", crc32c_armv8});
#endif
  versions.push_back({"portable", crc32c_portable});
  return versions;
}

std::uint32_t crc32c(std::uint32_t crc, std::span<const std::byte> bytes) {
  static const auto best = detail::crc32c_versions().front().compute;
  return best(crc, bytes);
}

std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second,
                             std::uint64_t second_length) {
  return Field::combine(first, second, second_length);
}

}  // namespace tensorferry
