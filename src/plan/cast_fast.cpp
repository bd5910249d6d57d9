#include "plan/cast_fast.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
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

/// bits >> shift, to nearest, ties to even. `bits` is less than 2^(shift's largest value - 1).
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

struct Float32ToFloat16 {
  using From = std::uint32_t;
  using To = std::uint16_t;
  static constexpr From kRebias = (127 - 15) << 23, kLeastNormal = 113 << 23;
  static To cast(From bits) {
    const From magnitude = bits & 0x7fffffff, sign = (bits >> 16) & 0x8000;
    const From normal = (magnitude + 0xfff + ((magnitude >> 13) & 1) - kRebias) >> 13;
    // Below the least normal number the lowest bit is worth 2^-24.
    const From shift = lesser<From>(126 - lesser<From>(magnitude >> 23, 112), 31);
    const From subnormal = round_off<From>((magnitude & 0x7fffff) | 0x800000, shift);
    const From nan = 0x7e00 | ((magnitude >> 13) & 0x3ff);
    From code = magnitude < kLeastNormal ? subnormal : lesser<From>(normal, 0x7c00);
    code = magnitude > 0x7f800000 ? nan : code;
    return static_cast<To>(sign | code);
  }
  static From back(To code) {
    const From magnitude = code & 0x7fff, sign = static_cast<From>(code & 0x8000) << 16;
    const From normal = (magnitude << 13) + kRebias;
    const auto least = std::bit_cast<From>(static_cast<float>(magnitude) * 0x1p-24F);
    const From special = (magnitude << 13) + 2 * kRebias;
    const From finite = magnitude < 0x400 ? least : normal;
    return sign | (magnitude >= 0x7c00 ? special : finite);
  }
};

struct Float64ToFloat32 {
  using From = std::uint64_t;
  using To = std::uint32_t;
  static constexpr From kRebias = From{1023 - 127} << 52, kLeastNormal = From{897} << 52;
  static To cast(From bits) {
    const From magnitude = bits & 0x7fffffffffffffff, sign = (bits >> 32) & 0x80000000;
    const From normal = (magnitude + 0xfffffff + ((magnitude >> 29) & 1) - kRebias) >> 29;
    // Below the least normal number the lowest bit is worth 2^-149.
    const From shift = lesser<From>(926 - lesser<From>(magnitude >> 52, 896), 63);
    const From subnormal = round_off<From>((magnitude & 0xfffffffffffff) | 0x10000000000000, shift);
    const From nan = 0x7fc00000 | ((magnitude >> 29) & 0x3fffff);
    From code = magnitude < kLeastNormal ? subnormal : lesser<From>(normal, 0x7f800000);
    code = magnitude > 0x7ff0000000000000 ? nan : code;
    return static_cast<To>(sign | code);
  }
  static From back(To code) {
    const From magnitude = code & 0x7fffffff, sign = static_cast<From>(code & 0x80000000) << 32;
    const From normal = (magnitude << 29) + kRebias;
    const auto least =
        std::bit_cast<From>(static_cast<double>(static_cast<std::int32_t>(magnitude)) * 0x1p-149);
    const From special = (magnitude << 29) + 2 * kRebias;
    const From finite = magnitude < 0x800000 ? least : normal;
    return sign | (magnitude >= 0x7f800000 ? special : finite);
  }
};

/// What one pass over a block sees. Errors as the bits of a non-negative number, which are in the
/// order of the numbers.
template <typename Bits>
struct Seen {
  Bits changed = 0, overflowed = 0, largest = 0, relative = 0;
};

template <typename Pair>
inline Seen<typename Pair::From> narrow_block(const typename Pair::From* in, typename Pair::To* out,
                                              std::size_t count,
                                              typename Ieee<typename Pair::From>::Value threshold) {
  using Bits = typename Pair::From;
  using Value = typename Ieee<Bits>::Value;
  constexpr Bits magnitude = Ieee<Bits>::kMagnitude, infinity = Ieee<Bits>::kInfinity;
  for (std::size_t i = 0; i < count; ++i) out[i] = Pair::cast(in[i]);
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

template <typename Pair>
void add_relative(const typename Pair::From* in, const typename Pair::To* out, std::size_t count,
                  double& relative) {
  using Bits = typename Pair::From;
  using Value = typename Ieee<Bits>::Value;
  for (std::size_t i = 0; i < count; ++i) {
    if ((in[i] & Ieee<Bits>::kMagnitude) >= Ieee<Bits>::kInfinity) continue;
    const double value = std::bit_cast<Value>(in[i]);
    const double back = std::bit_cast<Value>(Pair::back(out[i]));
    if (back != value) relative = std::max(relative, std::fabs(back - value) / std::fabs(value));
  }
}

template <typename Pair>
inline bool narrow(std::span<const std::byte> in_bytes, std::span<std::byte> out_bytes,
                   std::uint64_t first, CastTally& tally) {
  using From = typename Pair::From;
  using To = typename Pair::To;
  using Value = typename Ieee<From>::Value;
  // A little below the largest relative error so far: what exceeds it is looked at exactly.
  constexpr double kSlack = 1 - 0x1p-20;
  CastTally sum;
  From in[kBlock];
  To out[kBlock];
  const std::size_t count = out_bytes.size() / sizeof(To);
  for (std::size_t at = 0; at < count; at += kBlock) {
    const std::size_t n = std::min(kBlock, count - at);
    std::memcpy(in, in_bytes.data() + at * sizeof(From), n * sizeof(From));
    const auto seen = narrow_block<Pair>(in, out, n, static_cast<Value>(sum.relative * kSlack));
    if (seen.overflowed != 0) return false;
    std::memcpy(out_bytes.data() + at * sizeof(To), out, n * sizeof(To));
    if (seen.changed == 0) continue;
    if (sum.changed == 0) {
      const auto finite = [](From bits) {
        return (bits & Ieee<From>::kMagnitude) < Ieee<From>::kInfinity;
      };
      std::size_t i = 0;
      while (!finite(in[i]) || Pair::back(out[i]) == in[i]) ++i;
      sum.first = first + at + i;
    }
    sum.changed += seen.changed;
    sum.absolute = std::max(sum.absolute, static_cast<double>(std::bit_cast<Value>(seen.largest)));
    if (seen.relative != 0) add_relative<Pair>(in, out, n, sum.relative);
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

template <Loop kLoop>
FastCast for_this_processor() {
#ifdef TENSORFERRY_CLONE_FOR
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return with_avx512<kLoop>;
  if (__builtin_cpu_supports("avx2")) return with_avx2<kLoop>;
#endif
  return plain<kLoop>;
}

}  // namespace

FastCast fast_cast(DType from, DType to) {
  using enum DType;
  if (from == float32 && to == bfloat16) return for_this_processor<narrow<Float32ToBfloat16>>();
  if (from == float32 && to == float16) return for_this_processor<narrow<Float32ToFloat16>>();
  if (from == float64 && to == float32) return for_this_processor<narrow<Float64ToFloat32>>();
  if (from == bfloat16 && to == float32) return for_this_processor<widen<Float32ToBfloat16>>();
  if (from == float16 && to == float32) return for_this_processor<widen<Float32ToFloat16>>();
  if (from == float32 && to == float64) return for_this_processor<widen<Float64ToFloat32>>();
  return nullptr;
}

}  // namespace tensorferry
