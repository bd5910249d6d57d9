#include "util/crc_versions.h"

#if defined(__x86_64__)

#include "util/crc_avx512.h"
#include "util/crc_field.h"

namespace tensorferry::detail {

TENSORFERRY_AVX512 std::uint32_t crc32c_avx512(std::uint32_t start,
                                               std::span<const std::byte> bytes) {
  if (bytes.size() < 2 * wide_step) return crc32c_sse42(start, bytes);
  const __m128i last = fold_wide<CrcField<0x82F63B78>>(~start, bytes);
  const auto half = [](long long word) { return static_cast<unsigned long long>(word); };
  std::uint64_t crc = _mm_crc32_u64(0, half(_mm_cvtsi128_si64(last)));
  crc = _mm_crc32_u64(crc, half(_mm_extract_epi64(last, 1)));
  return crc32c_sse42(~static_cast<std::uint32_t>(crc), bytes);
}

}  // namespace tensorferry::detail

#endif
