#include "plan/cast_block.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#endif

namespace tensorferry {

#if defined(__x86_64__)
namespace {

#define TENSORFERRY_AVX2 __attribute__((target("avx2,f16c")))

// Quotients in float, or of rounded operands, are this close to the exact ones.
constexpr double kMargin = 1 + 1e-6;

/// In every struct: lanes of the wider type, the largest magnitude that does not overflow, and the
/// conversion with its inverse. Masks have one bit a lane.
struct ToBfloat16 {
  using Wide = float;
  using Narrow = std::uint16_t;
  static constexpr std::size_t kLanes = 8;
  static constexpr std::uint32_t kLargest = 0x7f7f7fff;
  // Integers: the instruction that does this takes denormals for zero.
  TENSORFERRY_AVX2 static __m256 convert(__m256 values, std::byte* out) {
    const __m256i bits = _mm256_castps_si256(values);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i sum = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const __m256i high = _mm256_srli_epi32(sum, 16);
    const __m128i codes =
        _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), codes);
    return _mm256_castsi256_ps(_mm256_slli_epi32(high, 16));
  }
  TENSORFERRY_AVX2 static float widen(std::uint16_t code) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(code) << 16);
  }
};

struct ToFloat16 {
  using Wide = float;
  using Narrow = std::uint16_t;
  static constexpr std::size_t kLanes = 8;
  static constexpr std::uint32_t kLargest = 0x477fefff;  // just below 65520
  TENSORFERRY_AVX2 static __m256 convert(__m256 values, std::byte* out) {
    const __m128i codes = _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), codes);
    return _mm256_cvtph_ps(codes);
  }
  TENSORFERRY_AVX2 static float widen(std::uint16_t code) { return _cvtsh_ss(code); }
};

template <typename To>
TENSORFERRY_AVX2 double exact_relative(const std::byte* in, const std::byte* out) {
  double most = 0;
  for (std::size_t i = 0; i < kCastBlock; ++i) {
    typename To::Wide was;
    typename To::Narrow code;
    std::memcpy(&was, in + i * sizeof was, sizeof was);
    std::memcpy(&code, out + i * sizeof code, sizeof code);
    const typename To::Wide now = To::widen(code);
    if (now == was) continue;
    // Nearly always a short division tells that this one is not the largest.
    const double rough = std::fabs(static_cast<double>(now) - was) / std::fabs(was);
    if (rough * kMargin < most) continue;
    const long double exact = was;
    const long double error = std::fabs(static_cast<long double>(now) - exact);
    most = std::max(most, static_cast<double>(error / std::fabs(exact)));
  }
  return most;
}

/// Adds one group of lanes to the tally of changes.
void count(unsigned different, std::size_t at, BlockTally& tally) {
  if (different == 0) return;
  if (tally.changed == 0) tally.first = at + static_cast<unsigned>(std::countr_zero(different));
  tally.changed += static_cast<unsigned>(std::popcount(different));
}

template <typename To>
TENSORFERRY_AVX2 bool from_float32(const std::byte* in, std::byte* out, double known_relative,
                                   BlockTally& tally) {
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  __m256i largest = _mm256_setzero_si256();
  __m256 absolute = _mm256_setzero_ps(), relative = _mm256_setzero_ps();
  for (std::size_t i = 0; i < kCastBlock; i += To::kLanes) {
    const __m256 was = _mm256_loadu_ps(reinterpret_cast<const float*>(in + i * 4));
    const __m256 size = _mm256_and_ps(was, magnitude);
    largest = _mm256_max_epi32(largest, _mm256_castps_si256(size));
    const __m256 now = To::convert(was, out + i * 2);
    // Exact: the difference is a multiple of the last bit of `was`, and has fewer bits.
    const __m256 error = _mm256_and_ps(_mm256_sub_ps(now, was), magnitude);
    const __m256 different = _mm256_cmp_ps(now, was, _CMP_NEQ_OQ);
    absolute = _mm256_max_ps(absolute, error);
    relative = _mm256_max_ps(relative, _mm256_and_ps(_mm256_div_ps(error, size), different));
    count(static_cast<unsigned>(_mm256_movemask_ps(different)), i, tally);
  }
  std::uint32_t magnitudes[8];
  float errors[8], relatives[8];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(magnitudes), largest);
  _mm256_storeu_ps(errors, absolute);
  _mm256_storeu_ps(relatives, relative);
  if (*std::max_element(magnitudes, magnitudes + 8) > To::kLargest) return false;
  tally.absolute = *std::max_element(errors, errors + 8);
  const double most = *std::max_element(relatives, relatives + 8);
  if (most * kMargin >= known_relative && most > 0) tally.relative = exact_relative<To>(in, out);
  return true;
}

struct ToFloat32 {
  using Wide = double;
  using Narrow = float;
  TENSORFERRY_AVX2 static double widen(float value) { return value; }
};

TENSORFERRY_AVX2 bool float64_to_float32(const std::byte* in, std::byte* out, double known_relative,
                                         BlockTally& tally) {
  constexpr double too_large = 0x1.ffffffp127;  // rounds to infinity
  const __m256d magnitude = _mm256_castsi256_pd(_mm256_set1_epi64x(0x7fffffffffffffff));
  __m256d bad = _mm256_setzero_pd(), absolute = bad, relative = bad;
  for (std::size_t i = 0; i < kCastBlock; i += 4) {
    const __m256d was = _mm256_loadu_pd(reinterpret_cast<const double*>(in + i * 8));
    const __m256d size = _mm256_and_pd(was, magnitude);
    bad = _mm256_or_pd(bad, _mm256_cmp_pd(size, _mm256_set1_pd(too_large), _CMP_NLT_UQ));
    const __m128 codes = _mm256_cvtpd_ps(was);
    _mm_storeu_ps(reinterpret_cast<float*>(out + i * 4), codes);
    const __m256d now = _mm256_cvtps_pd(codes);
    const __m256d error = _mm256_and_pd(_mm256_sub_pd(now, was), magnitude);
    const __m256d different = _mm256_cmp_pd(now, was, _CMP_NEQ_OQ);
    absolute = _mm256_max_pd(absolute, error);
    relative = _mm256_max_pd(relative, _mm256_and_pd(_mm256_div_pd(error, size), different));
    count(static_cast<unsigned>(_mm256_movemask_pd(different)), i, tally);
  }
  if (_mm256_movemask_pd(bad) != 0) return false;
  double errors[4], relatives[4];
  _mm256_storeu_pd(errors, absolute);
  _mm256_storeu_pd(relatives, relative);
  tally.absolute = *std::max_element(errors, errors + 4);
  const double most = *std::max_element(relatives, relatives + 4);
  if (most * kMargin >= known_relative && most > 0)
    tally.relative = exact_relative<ToFloat32>(in, out);
  return true;
}

// Widening is exact; only NaN and infinities are left to the portable way.
template <bool kHalf>
TENSORFERRY_AVX2 bool to_float32(const std::byte* in, std::byte* out, double, BlockTally&) {
  const __m128i special = _mm_set1_epi16(kHalf ? 0x7c00 : 0x7f80);
  __m128i found = _mm_setzero_si128();
  for (std::size_t i = 0; i < kCastBlock; i += 8) {
    const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i * 2));
    found = _mm_or_si128(found, _mm_cmpeq_epi16(_mm_and_si128(codes, special), special));
    const __m256 wide =
        kHalf ? _mm256_cvtph_ps(codes)
              : _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(codes), 16));
    _mm256_storeu_ps(reinterpret_cast<float*>(out + i * 4), wide);
  }
  return _mm_movemask_epi8(found) == 0;
}

/// Rounding to nearest, denormals kept, nothing that traps: what programs start with.
bool usual_environment() {
  constexpr unsigned flags = 0x3f, usual = 0x1f80;
  return (_mm_getcsr() & ~flags) == usual;
}

}  // namespace

BlockCast block_cast(DType from, DType to) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("f16c") || !usual_environment())
    return nullptr;
  if (from == DType::float32 && to == DType::bfloat16) return from_float32<ToBfloat16>;
  if (from == DType::float32 && to == DType::float16) return from_float32<ToFloat16>;
  if (from == DType::float64 && to == DType::float32) return float64_to_float32;
  if (from == DType::bfloat16 && to == DType::float32) return to_float32<false>;
  if (from == DType::float16 && to == DType::float32) return to_float32<true>;
  return nullptr;
}

#else

BlockCast block_cast(DType, DType) { return nullptr; }

#endif

}  // namespace tensorferry
