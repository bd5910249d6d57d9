// CRCs by carry-less products of 16 bytes, for any polynomial: "Fast CRC Computation for Generic
// Polynomials Using PCLMULQDQ" (Intel, 2009).
#pragma once

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>

namespace tensorferry::detail {

#define TENSORFERRY_PCLMUL __attribute__((target("pclmul,sse4.1")))

/// Carry-less products of reflected polynomials come out shifted by one bit; the factors make up
/// for it.
template <typename Field>
constexpr std::int64_t fold_factor(std::uint64_t bytes) {
  return static_cast<std::int64_t>(Field::shift_factor(bytes)) << 1;
}

/// The two halves of a 128-bit polynomial, moved on by `Bytes` (one reaches 4 bytes further, the
/// other 4 less far), plus `next`.
template <typename Field, std::uint64_t Bytes>
TENSORFERRY_PCLMUL inline __m128i fold_one(__m128i value, __m128i next) {
  const __m128i factors =
      _mm_set_epi64x(fold_factor<Field>(Bytes - 4), fold_factor<Field>(Bytes + 4));
  const __m128i low = _mm_clmulepi64_si128(value, factors, 0x00);
  const __m128i high = _mm_clmulepi64_si128(value, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

}  // namespace tensorferry::detail

#endif
