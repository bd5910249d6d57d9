#include "util/crc32c_versions.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "util/crc_field.h"

namespace tensorferry::detail {
namespace {

using Field = CrcField<0x82F63B78>;

#define TENSORFERRY_AVX512 \
  __attribute__((target("avx512f,avx512vl,avx512dq,vpclmulqdq,pclmul,sse4.2")))

constexpr std::size_t kStep = 256;

// As in crc32.cpp: carry-less products of reflected polynomials come out shifted by one bit.
constexpr std::int64_t fold_factor(std::uint64_t bytes) {
  return static_cast<std::int64_t>(Field::shift_factor(bytes)) << 1;
}

/// Every lane moved on by `Bytes`, plus `next`.
template <std::uint64_t Bytes>
TENSORFERRY_AVX512 inline __m512i fold(__m512i value, __m512i next) {
  const __m512i factors = _mm512_set4_epi64(fold_factor(Bytes - 4), fold_factor(Bytes + 4),
                                            fold_factor(Bytes - 4), fold_factor(Bytes + 4));
  const __m512i low = _mm512_clmulepi64_epi128(value, factors, 0x00);
  const __m512i high = _mm512_clmulepi64_epi128(value, factors, 0x11);
  constexpr int exclusive_or = 0x96;
  return _mm512_ternarylogic_epi64(low, high, next, exclusive_or);
}

TENSORFERRY_AVX512 inline __m128i fold16(__m128i value, __m128i next) {
  const __m128i factors = _mm_set_epi64x(fold_factor(16 - 4), fold_factor(16 + 4));
  const __m128i low = _mm_clmulepi64_si128(value, factors, 0x00);
  const __m128i high = _mm_clmulepi64_si128(value, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

}  // namespace

// "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ" (Intel, 2009) in lanes: sixteen
// streams of 16 bytes are folded into one, and what remains of it is a message of 16 bytes with the
// same register.
TENSORFERRY_AVX512 std::uint32_t crc32c_avx512(std::uint32_t start,
                                               std::span<const std::byte> bytes) {
  if (bytes.size() < 2 * kStep) return crc32c_sse42(start, bytes);
  const std::byte* p = bytes.data();
  std::size_t left = bytes.size() - kStep;
  const __m512i seed = _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(~start)));
  __m512i a = _mm512_xor_si512(_mm512_loadu_si512(p), seed);
  __m512i b = _mm512_loadu_si512(p + 64);
  __m512i c = _mm512_loadu_si512(p + 128);
  __m512i d = _mm512_loadu_si512(p + 192);
  for (p += kStep; left >= kStep; p += kStep, left -= kStep) {
    a = fold<kStep>(a, _mm512_loadu_si512(p));
    b = fold<kStep>(b, _mm512_loadu_si512(p + 64));
    c = fold<kStep>(c, _mm512_loadu_si512(p + 128));
    d = fold<kStep>(d, _mm512_loadu_si512(p + 192));
  }
  d = fold<64>(fold<64>(fold<64>(a, b), c), d);
  __m128i last = fold16(_mm512_extracti64x2_epi64(d, 0), _mm512_extracti64x2_epi64(d, 1));
  last = fold16(last, _mm512_extracti64x2_epi64(d, 2));
  last = fold16(last, _mm512_extracti64x2_epi64(d, 3));
  const auto half = [](long long word) { return static_cast<unsigned long long>(word); };
  std::uint64_t crc = _mm_crc32_u64(0, half(_mm_cvtsi128_si64(last)));
  crc = _mm_crc32_u64(crc, half(_mm_extract_epi64(last, 1)));
  return crc32c_sse42(~static_cast<std::uint32_t>(crc), {p, left});
}

}  // namespace tensorferry::detail

#endif
