// CRCs by carry-less products of pairs of 16 bytes, for any polynomial, where AVX-512 is missing.
#pragma once

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "util/crc_fold.h"

namespace tensorferry::detail {

#define TENSORFERRY_AVX2 __attribute__((target("avx2,vpclmulqdq,pclmul,sse4.2")))

/// Whether fold_pairs() can run here.
inline bool has_paired_products() {
  return __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx2") &&
         __builtin_cpu_supports("sse4.2");
}

/// What fold_pairs() takes at a time, in bytes, and the least that it is given.
inline constexpr std::size_t pair_step = 128;

/// Both lanes moved on by `Bytes`, plus `next`.
template <typename Field, std::uint64_t Bytes>
TENSORFERRY_AVX2 inline __m256i fold_pair(__m256i value, __m256i next) {
  const __m256i factors =
      _mm256_set_epi64x(fold_factor<Field>(Bytes - 4), fold_factor<Field>(Bytes + 4),
                        fold_factor<Field>(Bytes - 4), fold_factor<Field>(Bytes + 4));
  const __m256i low = _mm256_clmulepi64_epi128(value, factors, 0x00);
  const __m256i high = _mm256_clmulepi64_epi128(value, factors, 0x11);
  return _mm256_xor_si256(_mm256_xor_si256(low, high), next);
}

TENSORFERRY_AVX2 inline __m256i load_pair(const std::byte* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

/// As fold_wide(), with eight streams.
template <typename Field>
TENSORFERRY_AVX2 __m128i fold_pairs(std::uint32_t crc, std::span<const std::byte>& bytes) {
  const std::byte* p = bytes.data();
  std::size_t left = bytes.size() - pair_step;
  const __m256i seed = _mm256_zextsi128_si256(_mm_cvtsi32_si128(static_cast<int>(crc)));
  __m256i a = _mm256_xor_si256(load_pair(p), seed);
  __m256i b = load_pair(p + 32), c = load_pair(p + 64), d = load_pair(p + 96);
  for (p += pair_step; left >= pair_step; p += pair_step, left -= pair_step) {
    a = fold_pair<Field, pair_step>(a, load_pair(p));
    b = fold_pair<Field, pair_step>(b, load_pair(p + 32));
    c = fold_pair<Field, pair_step>(c, load_pair(p + 64));
    d = fold_pair<Field, pair_step>(d, load_pair(p + 96));
  }
  bytes = {p, left};
  d = fold_pair<Field, 32>(fold_pair<Field, 32>(fold_pair<Field, 32>(a, b), c), d);
  return fold_one<Field, 16>(_mm256_castsi256_si128(d), _mm256_extracti128_si256(d, 1));
}

}  // namespace tensorferry::detail

#endif
