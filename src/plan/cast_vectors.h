// Casts of float32 in one pass, as many at a time as a register of x86-64 holds.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)

#include <cpuid.h>
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "plan/cast_pairs.h"

#define TENSORFERRY_CAST_AVX2 "avx2,fma,f16c"
#ifdef __clang__
#define TENSORFERRY_CAST_AVX512 "avx512f,avx512bw,avx512dq,avx512vl"
#else
#define TENSORFERRY_CAST_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512"
#endif

// GCC 12 calls the undefined operands of its own intrinsics uninitialized.
#ifndef __clang__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace tensorferry::casts {

// Each `Lanes` holds codes, and what they are worth, of numbers of magnitudes below `kTooLarge`;
// from there on there are overflows, infinities and NaNs, which are left to the portable block.
// Conversions to and from float16 round as told, whatever the environment says, and make and take
// subnormal numbers.
inline constexpr int kTooLargeForBfloat16 = 0x7f7f8000, kTooLargeForFloat16 = 0x477ff000;

/// Casts at most kBlock elements. `Loop` does whole registers of them and calls nothing, so that
/// its constants stay in registers; it gives nothing where a value is special. It is written once
/// for each width, since a template has one target.
template <typename Loop>
struct VectorBlock {
  using Pair = typename Loop::Pair;
  using Seen32 = Seen<std::uint32_t>;

  static Seen32 narrow(const std::byte* in, std::byte* out, std::size_t count, float threshold) {
    const std::size_t whole = count / Loop::kLanes * Loop::kLanes;
    std::optional<Seen32> seen = Loop::narrow(in, out, whole, threshold);
    if (!seen) return PortableBlock<Pair>::narrow(in, out, count, threshold);
    if (whole < count) {
      seen->merge(PortableBlock<Pair>::narrow(in + whole * sizeof(typename Pair::From),
                                              out + whole * sizeof(typename Pair::To),
                                              count - whole, threshold));
    }
    return *seen;
  }
};

namespace avx2 {

#define TENSORFERRY_USE_AVX2 __attribute__((target(TENSORFERRY_CAST_AVX2)))

/// AVX2, FMA and F16C, which compilers do not all ask for by name.
inline bool is_supported() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

struct Lanes {
  __m128i codes;
  __m256i back;
};

struct Bfloat16Lanes {
  using Pair = Float32ToBfloat16;
  static constexpr int kTooLarge = kTooLargeForBfloat16;
  TENSORFERRY_USE_AVX2 static Lanes cast(__m256i bits) {
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i upper = _mm256_srli_epi32(sum, 16);
    return {_mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256(upper, 1)),
            _mm256_and_si256(sum, _mm256_set1_epi32(static_cast<int>(0xffff0000)))};
  }
};

struct Float16Lanes {
  using Pair = Float32ToFloat16;
  static constexpr int kTooLarge = kTooLargeForFloat16;
  TENSORFERRY_USE_AVX2 static Lanes cast(__m256i bits) {
    const __m128i codes =
        _mm256_cvtps_ph(_mm256_castsi256_ps(bits), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    return {codes, _mm256_castps_si256(_mm256_cvtph_ps(codes))};
  }
};

template <typename L>
struct Loop {
  using Pair = typename L::Pair;
  using Seen32 = Seen<std::uint32_t>;
  static constexpr std::size_t kLanes = 8;

  TENSORFERRY_USE_AVX2 static std::optional<Seen32> narrow(const std::byte* in, std::byte* out,
                                                           std::size_t count, float threshold) {
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff), one = _mm256_set1_epi32(1);
    const __m256 bound = _mm256_set1_ps(threshold);
    __m256i changed = _mm256_setzero_si256(), largest = _mm256_setzero_si256();
    __m256i special = _mm256_setzero_si256(), least = _mm256_set1_epi32(-1);
    __m256 excess = _mm256_setzero_ps();
    for (std::size_t i = 0; i < count; i += kLanes) {
      const __m256i bits =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + i * sizeof(float)));
      const __m256i value = _mm256_and_si256(bits, magnitude);
      special =
          _mm256_or_si256(special, _mm256_cmpgt_epi32(value, _mm256_set1_epi32(L::kTooLarge - 1)));
      least = _mm256_min_epu32(least, _mm256_sub_epi32(value, one));
      const Lanes lanes = L::cast(bits);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i * sizeof(typename Pair::To)),
                       lanes.codes);
      changed =
          _mm256_add_epi32(changed, _mm256_add_epi32(_mm256_cmpeq_epi32(lanes.back, bits), one));
      const __m256 difference =
          _mm256_sub_ps(_mm256_castsi256_ps(lanes.back), _mm256_castsi256_ps(bits));
      const __m256i error = _mm256_and_si256(_mm256_castps_si256(difference), magnitude);
      largest = _mm256_max_epu32(largest, error);
      excess = _mm256_max_ps(
          excess, _mm256_fnmadd_ps(bound, _mm256_castsi256_ps(value), _mm256_castsi256_ps(error)));
    }
    if (_mm256_testz_si256(special, special) == 0) return std::nullopt;
    return reduced(changed, largest, least, excess);
  }

 private:
  TENSORFERRY_USE_AVX2 static Seen32 reduced(__m256i changed, __m256i largest, __m256i least,
                                             __m256 excess) {
    alignas(32) std::uint32_t changes[kLanes], errors[kLanes], leasts[kLanes];
    _mm256_store_si256(reinterpret_cast<__m256i*>(changes), changed);
    _mm256_store_si256(reinterpret_cast<__m256i*>(errors), largest);
    _mm256_store_si256(reinterpret_cast<__m256i*>(leasts), least);
    Seen32 seen;
    for (std::size_t i = 0; i < kLanes; ++i) seen.merge({changes[i], 0, errors[i], 0, leasts[i]});
    const __m256 exceeds = _mm256_cmp_ps(excess, _mm256_setzero_ps(), _CMP_GT_OQ);
    seen.relative = _mm256_movemask_ps(exceeds) != 0 ? 1 : 0;
    return seen;
  }
};

}  // namespace avx2

namespace avx512 {

#define TENSORFERRY_USE_AVX512 __attribute__((target(TENSORFERRY_CAST_AVX512)))

inline bool is_supported() {
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

struct Lanes {
  __m256i codes;
  __m512i back;
};

struct Bfloat16Lanes {
  using Pair = Float32ToBfloat16;
  static constexpr int kTooLarge = kTooLargeForBfloat16;
  TENSORFERRY_USE_AVX512 static Lanes cast(__m512i bits) {
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    // The upper halves, side by side.
    const __m512i upper = _mm512_permutexvar_epi16(
        _mm512_set_epi16(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 31, 29, 27, 25, 23, 21, 19,
                         17, 15, 13, 11, 9, 7, 5, 3, 1),
        sum);
    return {_mm512_castsi512_si256(upper),
            _mm512_and_si512(sum, _mm512_set1_epi32(static_cast<int>(0xffff0000)))};
  }
};

struct Float16Lanes {
  using Pair = Float32ToFloat16;
  static constexpr int kTooLarge = kTooLargeForFloat16;
  TENSORFERRY_USE_AVX512 static Lanes cast(__m512i bits) {
    const __m256i codes =
        _mm512_cvtps_ph(_mm512_castsi512_ps(bits), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    return {codes, _mm512_castps_si512(_mm512_cvtph_ps(codes))};
  }
};

template <typename L>
struct Loop {
  using Pair = typename L::Pair;
  using Seen32 = Seen<std::uint32_t>;
  static constexpr std::size_t kLanes = 16;

  TENSORFERRY_USE_AVX512 static std::optional<Seen32> narrow(const std::byte* in, std::byte* out,
                                                             std::size_t count, float threshold) {
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff), one = _mm512_set1_epi32(1);
    const __m512 bound = _mm512_set1_ps(threshold);
    __m512i changed = _mm512_setzero_si512(), largest = _mm512_setzero_si512();
    __m512i least = _mm512_set1_epi32(-1);
    __m512 excess = _mm512_setzero_ps();
    __mmask16 special = 0;
    for (std::size_t i = 0; i < count; i += kLanes) {
      const __m512i bits = _mm512_loadu_si512(in + i * sizeof(float));
      const __m512i value = _mm512_and_si512(bits, magnitude);
      special =
          _kor_mask16(special, _mm512_cmpge_epi32_mask(value, _mm512_set1_epi32(L::kTooLarge)));
      least = _mm512_min_epu32(least, _mm512_sub_epi32(value, one));
      const Lanes lanes = L::cast(bits);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i * sizeof(typename Pair::To)),
                          lanes.codes);
      changed = _mm512_mask_sub_epi32(changed, _mm512_cmpneq_epi32_mask(lanes.back, bits), changed,
                                      _mm512_set1_epi32(-1));
      const __m512 difference =
          _mm512_sub_ps(_mm512_castsi512_ps(lanes.back), _mm512_castsi512_ps(bits));
      const __m512i error = _mm512_and_si512(_mm512_castps_si512(difference), magnitude);
      largest = _mm512_max_epu32(largest, error);
      excess = _mm512_max_ps(
          excess, _mm512_fnmadd_ps(bound, _mm512_castsi512_ps(value), _mm512_castsi512_ps(error)));
    }
    if (special != 0) return std::nullopt;
    return Seen32{static_cast<std::uint32_t>(_mm512_reduce_add_epi32(changed)), 0,
                  static_cast<std::uint32_t>(_mm512_reduce_max_epu32(largest)),
                  _mm512_reduce_max_ps(excess) > 0 ? 1u : 0u,
                  static_cast<std::uint32_t>(_mm512_reduce_min_epu32(least))};
  }
};

}  // namespace avx512

}  // namespace tensorferry::casts

#ifndef __clang__
#pragma GCC diagnostic pop
#endif

#endif
