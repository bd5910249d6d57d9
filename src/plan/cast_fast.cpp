#include "plan/cast_fast.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
// GCC 12 calls the undefined operands of its own intrinsics uninitialized.
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#define TENSORFERRY_CLONE_FOR(processor) __attribute__((target(processor), flatten))
#ifdef __clang__
#define TENSORFERRY_AVX512 "avx512f,avx512bw,avx512dq,avx512vl"
#else
#define TENSORFERRY_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512"
#endif
#endif

namespace tensorferry {
namespace {

// What each pair knows: how one code becomes another, and the way back, which is exact. The number
// of elements looked at between two decisions keeps a block in the first-level cache.
constexpr std::size_t kBlock = 1024;

template <typename Bits>
struct Ieee;
template <>
struct Ieee<std::uint32_t> {
  using Value = float;
  static constexpr std::uint32_t kMagnitude = 0x7fffffff, kInfinity = 0x7f800000;
};
template <>
struct Ieee<std::uint64_t> {
  using Value = double;
  static constexpr std::uint64_t kMagnitude = 0x7fffffffffffffff, kInfinity = 0x7ff0000000000000;
};

// std::min takes references, which the vectorizer does not see through.
template <typename Bits>
constexpr Bits lesser(Bits a, Bits b) {
  return a < b ? a : b;
}

/// bits >> shift, to nearest, ties to even, modulo 2^64 or 2^32.
template <typename Bits>
constexpr Bits round_off(Bits bits, Bits shift) {
  const Bits one = 1, half = one << (shift - one);
  return (bits + (half - one) + ((bits >> shift) & one)) >> shift;
}

struct Float32ToBfloat16 {
  using From = std::uint32_t;
  using To = std::uint16_t;
  static To cast(From bits) {
    const From rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    const From nan = (bits >> 16) | 0x40;
    return static_cast<To>((bits & 0x7fffffff) > 0x7f800000 ? nan : rounded);
  }
  static From back(To code) { return static_cast<From>(code) << 16; }
};

/// Between two types of IEEE 754 whose exponents have another bias, too.
template <typename FromBits, typename ToBits, int kFromFraction, int kToFraction, int kBias>
struct Rebiased {
  using From = FromBits;
  using To = ToBits;
  using Value = typename Ieee<From>::Value;
  static constexpr int kToBits = 8 * sizeof(To), kWider = 8 * sizeof(From) - kToBits;
  static constexpr From kOne = 1, kShift = kFromFraction - kToFraction;
  static constexpr From kRebias = From{kBias} << kFromFraction;
  // The least exponent field that is a normal number of the narrow type; below, its lowest bit is
  // worth `kUnit`.
  static constexpr From kLeast = kBias + 1, kLeastNormal = kLeast << kFromFraction;
  static constexpr From kUnit = (kLeast - kToFraction) << kFromFraction;
  static constexpr From kToSign = kOne << (kToBits - 1);
  static constexpr From kToQuiet = kOne << (kToFraction - 1);
  static constexpr From kToPayload = (kOne << kToFraction) - 1;
  static constexpr From kToInfinity = (kToSign - 1) & ~kToPayload;

  static To cast(From bits) {
    const From magnitude = bits & Ieee<From>::kMagnitude, sign = (bits >> kWider) & kToSign;
    const From normal = round_off<From>(magnitude - kRebias, kShift);
    const From shift = lesser<From>(
        kShift + kLeast - lesser<From>(magnitude >> kFromFraction, kBias), 8 * sizeof(From) - 1);
    const From leading = kOne << kFromFraction;
    const From subnormal = round_off<From>((magnitude & (leading - 1)) | leading, shift);
    const From nan = kToInfinity | kToQuiet | ((magnitude >> kShift) & kToPayload);
    From code = magnitude < kLeastNormal ? subnormal : lesser<From>(normal, kToInfinity);
    code = magnitude > Ieee<From>::kInfinity ? nan : code;
    return static_cast<To>(sign | code);
  }
  static From back(To code) {
    const From magnitude = code & (kToSign - 1), sign = (code & kToSign) << kWider;
    const From normal = (magnitude << kShift) + kRebias;
    const auto subnormal = std::bit_cast<From>(
        static_cast<Value>(static_cast<std::int32_t>(magnitude)) * std::bit_cast<Value>(kUnit));
    const From finite = magnitude <= kToPayload ? subnormal : normal;
    return sign | (magnitude >= kToInfinity ? normal + kRebias : finite);
  }
};
using Float32ToFloat16 = Rebiased<std::uint32_t, std::uint16_t, 23, 10, 127 - 15>;
using Float64ToFloat32 = Rebiased<std::uint64_t, std::uint32_t, 52, 23, 1023 - 127>;

/// What one pass over a block sees. Errors as the bits of a non-negative number, which are in the
/// order of the numbers.
template <typename Bits>
struct Seen {
  Bits changed = 0, overflowed = 0, largest = 0, relative = 0;
};

template <typename T>
T load(std::span<const std::byte> bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

/// Casts at most kBlock elements.
template <typename P>
struct PortableBlock {
  using Pair = P;
  using Bits = typename Pair::From;
  using Value = typename Ieee<Bits>::Value;

  static Seen<Bits> narrow(const std::byte* in_bytes, std::byte* out_bytes, std::size_t count,
                           Value threshold) {
    constexpr Bits magnitude = Ieee<Bits>::kMagnitude, infinity = Ieee<Bits>::kInfinity;
    Bits in[kBlock];
    typename Pair::To out[kBlock];
    std::memcpy(in, in_bytes, count * sizeof in[0]);
    for (std::size_t i = 0; i < count; ++i) out[i] = Pair::cast(in[i]);
    std::memcpy(out_bytes, out, count * sizeof out[0]);
    Bits changed = 0, overflowed = 0, largest = 0, relative = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Bits bits = in[i], back = Pair::back(out[i]);
      const Bits finite = (bits & magnitude) < infinity ? ~Bits{0} : Bits{0};
      overflowed |= finite & ((back & magnitude) >= infinity ? Bits{1} : Bits{0});
      changed += finite & (back != bits ? Bits{1} : Bits{0});
      const Value value = std::bit_cast<Value>(bits & magnitude & finite);
      const Value difference = std::bit_cast<Value>(back & magnitude & finite) - value;
      const Bits error = std::bit_cast<Bits>(difference) & magnitude;
      largest = error > largest ? error : largest;
      const Bits bound = std::bit_cast<Bits>(threshold * value);
      relative |= error > bound ? Bits{1} : Bits{0};
    }
    return {changed, overflowed, largest, relative};
  }
};

#ifdef TENSORFERRY_CLONE_FOR
#define TENSORFERRY_USE_AVX512 __attribute__((target(TENSORFERRY_AVX512)))

/// Sixteen codes, and what they are worth, of numbers of magnitudes below `kTooLarge`; from there
/// on there are overflows, infinities and NaNs.
struct Lanes {
  __m256i codes;
  __m512i back;
};

struct Bfloat16Lanes {
  using Pair = Float32ToBfloat16;
  static constexpr int kTooLarge = 0x7f7f8000;
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
  static constexpr int kTooLarge = 0x477ff000;
  // Rounds as told here, whatever the environment says, and makes and takes subnormal numbers.
  TENSORFERRY_USE_AVX512 static Lanes cast(__m512i bits) {
    const __m256i codes =
        _mm512_cvtps_ph(_mm512_castsi512_ps(bits), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    return {codes, _mm512_castps_si512(_mm512_cvtph_ps(codes))};
  }
};

/// The same of float32 in one pass, sixteen at a time, with the portable one for what is special.
template <typename L>
struct Avx512Block {
  using Pair = typename L::Pair;
  using Seen32 = Seen<std::uint32_t>;

  TENSORFERRY_USE_AVX512 static Seen32 narrow(const std::byte* in, std::byte* out,
                                              std::size_t count, float threshold) {
    constexpr std::size_t kLanes = 16;
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    const __m512 bound = _mm512_set1_ps(threshold);
    __m512i changed = _mm512_setzero_si512(), largest = _mm512_setzero_si512();
    __m512 excess = _mm512_setzero_ps();
    Seen32 special;
    for (std::size_t i = 0; i < count; i += kLanes) {
      const std::byte* from = in + i * sizeof(float);
      std::byte* to = out + i * sizeof(typename Pair::To);
      const std::size_t here = std::min(kLanes, count - i);
      const __m512i bits = here == kLanes ? _mm512_loadu_si512(from) : magnitude;
      const __m512i value = _mm512_and_si512(bits, magnitude);
      if (_mm512_cmpge_epi32_mask(value, _mm512_set1_epi32(L::kTooLarge)) != 0) {
        merge(special, PortableBlock<Pair>::narrow(from, to, here, threshold));
        continue;
      }
      const Lanes lanes = L::cast(bits);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), lanes.codes);
      changed = _mm512_mask_sub_epi32(changed, _mm512_cmpneq_epi32_mask(lanes.back, bits), changed,
                                      _mm512_set1_epi32(-1));
      const __m512 difference =
          _mm512_sub_ps(_mm512_castsi512_ps(lanes.back), _mm512_castsi512_ps(bits));
      const __m512i error = _mm512_and_si512(_mm512_castps_si512(difference), magnitude);
      largest = _mm512_max_epu32(largest, error);
      excess = _mm512_max_ps(
          excess, _mm512_fnmadd_ps(bound, _mm512_castsi512_ps(value), _mm512_castsi512_ps(error)));
    }
    merge(special, {static_cast<std::uint32_t>(_mm512_reduce_add_epi32(changed)), 0,
                    static_cast<std::uint32_t>(_mm512_reduce_max_epu32(largest)),
                    _mm512_reduce_max_ps(excess) > 0 ? 1u : 0u});
    return special;
  }

 private:
  static void merge(Seen32& all, const Seen32& more) {
    all.changed += more.changed;
    all.overflowed |= more.overflowed;
    all.largest = std::max(all.largest, more.largest);
    all.relative |= more.relative;
  }
};
#endif

template <typename Pair>
void add_relative(std::span<const std::byte> in, std::span<const std::byte> out, std::size_t count,
                  double slack, double& relative) {
  using Bits = typename Pair::From;
  using Value = typename Ieee<Bits>::Value;
  for (std::size_t i = 0; i < count; ++i) {
    const Bits bits = load<Bits>(in, i);
    if ((bits & Ieee<Bits>::kMagnitude) >= Ieee<Bits>::kInfinity) continue;
    const double value = std::bit_cast<Value>(bits);
    const double back = std::bit_cast<Value>(Pair::back(load<typename Pair::To>(out, i)));
    const double error = std::fabs(back - value);
    if (error > relative * slack * std::fabs(value))
      relative = std::max(relative, error / std::fabs(value));
  }
}

/// The first finite element that is not what it was; there is one.
template <typename Pair>
std::size_t first_changed(std::span<const std::byte> in, std::span<const std::byte> out) {
  using Bits = typename Pair::From;
  for (std::size_t i = 0;; ++i) {
    const Bits bits = load<Bits>(in, i);
    if ((bits & Ieee<Bits>::kMagnitude) < Ieee<Bits>::kInfinity &&
        Pair::back(load<typename Pair::To>(out, i)) != bits)
      return i;
  }
}

template <typename Block>
inline bool narrow(std::span<const std::byte> in_bytes, std::span<std::byte> out_bytes,
                   std::uint64_t first, CastTally& tally) {
  using Pair = typename Block::Pair;
  using From = typename Pair::From;
  using To = typename Pair::To;
  using Value = typename Ieee<From>::Value;
  // A little below the largest relative error so far: what exceeds it is looked at exactly.
  constexpr double kSlack = 1 - 0x1p-20;
  CastTally sum;
  sum.relative = tally.relative;
  const std::size_t count = out_bytes.size() / sizeof(To);
  for (std::size_t at = 0; at < count; at += kBlock) {
    const std::size_t n = std::min(kBlock, count - at);
    const auto in = in_bytes.subspan(at * sizeof(From), n * sizeof(From));
    const auto out = out_bytes.subspan(at * sizeof(To), n * sizeof(To));
    const auto seen =
        Block::narrow(in.data(), out.data(), n, static_cast<Value>(sum.relative * kSlack));
    if (seen.overflowed != 0) return false;
    if (seen.changed == 0) continue;
    if (sum.changed == 0) sum.first = first + at + first_changed<Pair>(in, out);
    sum.changed += seen.changed;
    sum.absolute = std::max(sum.absolute, static_cast<double>(std::bit_cast<Value>(seen.largest)));
    if (seen.relative != 0) add_relative<Pair>(in, out, n, kSlack, sum.relative);
  }
  tally.merge(sum);
  return true;
}

/// The other way round: every value stays what it is, NaNs become quiet.
template <typename Pair>
inline bool widen(std::span<const std::byte> in_bytes, std::span<std::byte> out_bytes,
                  std::uint64_t /*first*/, CastTally& /*tally*/) {
  using Wide = typename Pair::From;
  using Narrow = typename Pair::To;
  constexpr Wide infinity = Ieee<Wide>::kInfinity;
  constexpr Wide quiet = (infinity & (~infinity + 1)) >> 1;  // the highest bit of the fraction
  Narrow in[kBlock];
  Wide out[kBlock];
  const std::size_t count = out_bytes.size() / sizeof(Wide);
  for (std::size_t at = 0; at < count; at += kBlock) {
    const std::size_t n = std::min(kBlock, count - at);
    std::memcpy(in, in_bytes.data() + at * sizeof(Narrow), n * sizeof(Narrow));
    for (std::size_t i = 0; i < n; ++i) {
      const Wide bits = Pair::back(in[i]);
      out[i] = bits | ((bits & Ieee<Wide>::kMagnitude) > infinity ? quiet : Wide{0});
    }
    std::memcpy(out_bytes.data() + at * sizeof(Wide), out, n * sizeof(Wide));
  }
  return true;
}

using Loop = FastCast;

template <Loop kLoop>
bool plain(std::span<const std::byte> in, std::span<std::byte> out, std::uint64_t first,
           CastTally& tally) {
  return kLoop(in, out, first, tally);
}

#ifdef TENSORFERRY_CLONE_FOR
template <Loop kLoop>
TENSORFERRY_CLONE_FOR("avx2")
bool with_avx2(std::span<const std::byte> in, std::span<std::byte> out, std::uint64_t first,
               CastTally& tally) {
  return kLoop(in, out, first, tally);
}

template <Loop kLoop>
TENSORFERRY_CLONE_FOR(TENSORFERRY_AVX512)
bool with_avx512(std::span<const std::byte> in, std::span<std::byte> out, std::uint64_t first,
                 CastTally& tally) {
  return kLoop(in, out, first, tally);
}
#endif

/// `kWide` is the loop for AVX-512, where that is another one.
template <Loop kLoop, Loop kWide = kLoop>
FastCast for_this_processor() {
#ifdef TENSORFERRY_CLONE_FOR
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return with_avx512<kWide>;
  if (__builtin_cpu_supports("avx2")) return with_avx2<kLoop>;
#endif
  return plain<kLoop>;
}

#ifdef TENSORFERRY_CLONE_FOR
template <typename Lanes>
constexpr Loop wide = narrow<Avx512Block<Lanes>>;
#else
template <typename Lanes>
constexpr Loop wide = narrow<PortableBlock<typename Lanes::Pair>>;
struct Bfloat16Lanes {
  using Pair = Float32ToBfloat16;
};
struct Float16Lanes {
  using Pair = Float32ToFloat16;
};
#endif

}  // namespace

FastCast fast_cast(DType from, DType to) {
  using enum DType;
  if (from == float32 && to == bfloat16)
    return for_this_processor<narrow<PortableBlock<Float32ToBfloat16>>, wide<Bfloat16Lanes>>();
  if (from == float32 && to == float16)
    return for_this_processor<narrow<PortableBlock<Float32ToFloat16>>, wide<Float16Lanes>>();
  if (from == float64 && to == float32)
    return for_this_processor<narrow<PortableBlock<Float64ToFloat32>>>();
  if (from == bfloat16 && to == float32) return for_this_processor<widen<Float32ToBfloat16>>();
  if (from == float16 && to == float32) return for_this_processor<widen<Float32ToFloat16>>();
  if (from == float32 && to == float64) return for_this_processor<widen<Float64ToFloat32>>();
  return nullptr;
}

}  // namespace tensorferry
