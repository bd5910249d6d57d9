// CRCs by carry-less products of AVX-512, for any polynomial.
#pragma once

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "util/crc_fold.h"

namespace tensorferry::detail {

#define TENSORFERRY_AVX512 \
  __attribute__((target("avx512f,avx512vl,avx512dq,vpclmulqdq,pclmul,sse4.2")))

/// Whether fold_wide() can run here. The compiler's test includes that the system keeps the wide
/// registers.
inline bool has_wide_products() {
  return __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("sse4.2");
}

/// What fold_wide() takes at a time, in bytes, and the least that it is given.
inline constexpr std::size_t wide_step = 256;

/// Every lane moved on by `Bytes`, plus `next`.
template <typename Field, std::uint64_t Bytes>
TENSORFERRY_AVX512 inline __m512i fold_lanes(__m512i value, __m512i next) {
  const __m512i factors =
      _mm512_set4_epi64(fold_factor<Field>(Bytes - 4), fold_factor<Field>(Bytes + 4),
                        fold_factor<Field>(Bytes - 4), fold_factor<Field>(Bytes + 4));
  const __m512i low = _mm512_clmulepi64_epi128(value, factors, 0x00);
  const __m512i high = _mm512_clmulepi64_epi128(value, factors, 0x11);
  constexpr int exclusive_or = 0x96;
  return _mm512_ternarylogic_epi64(low, high, next, exclusive_or);
}

/// Takes whole steps off the front of `bytes`, at least one. A message of the 16 bytes that it
/// gives leaves the register 0 as they leave the register `crc`.
///
/// Sixteen streams of 16 bytes are folded into one.
template <typename Field>
TENSORFERRY_AVX512 __m128i fold_wide(std::uint32_t crc, std::span<const std::byte>& bytes) {
  const std::byte* p = bytes.data();
  std::size_t left = bytes.size() - wide_step;
  const __m512i seed = _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(crc)));
  __m512i a = _mm512_xor_si512(_mm512_loadu_si512(p), seed);
  __m512i b = _mm512_loadu_si512(p + 64);
  __m512i c = _mm512_loadu_si512(p + 128);
  __m512i d = _mm512_loadu_si512(p + 192);
  for (p += wide_step; left >= wide_step; p += wide_step, left -= wide_step) {
    a = fold_lanes<Field, wide_step>(a, _mm512_loadu_si512(p));
    b = fold_lanes<Field, wide_step>(b, _mm512_loadu_si512(p + 64));
    c = fold_lanes<Field, wide_step>(c, _mm512_loadu_si512(p + 128));
    d = fold_lanes<Field, wide_step>(d, _mm512_loadu_si512(p + 192));
  }
  bytes = {p, left};
  d = fold_lanes<Field, 64>(fold_lanes<Field, 64>(fold_lanes<Field, 64>(a, b), c), d);
  __m128i last =
      fold_one<Field, 16>(_mm512_extracti64x2_epi64(d, 0), _mm512_extracti64x2_epi64(d, 1));
  last = fold_one<Field, 16>(last, _mm512_extracti64x2_epi64(d, 2));
  return fold_one<Field, 16>(last, _mm512_extracti64x2_epi64(d, 3));
}

}  // namespace tensorferry::detail

#endif
