// What is known of each pair of dtypes that is cast fast: how one code becomes another, and the way
// back, which is exact.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tensorferry::casts {

// The number of elements looked at between two decisions keeps a block in the first-level cache.
inline constexpr std::size_t kBlock = 1024;

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

// `kVanishing` of a pair is the largest number that becomes zero: half of the least one that the
// narrow type holds, a tie that goes to even.
struct Float32ToBfloat16 {
  using From = std::uint32_t;
  using To = std::uint16_t;
  static constexpr From kVanishing = 0x8000;
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
  static constexpr From kVanishing = kUnit - (kOne << kFromFraction);
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
  Bits least = ~Bits{0};  // one less than the least magnitude that is not zero

  void merge(const Seen& more) {
    least = more.least < least ? more.least : least;
    changed += more.changed;
    overflowed |= more.overflowed;
    largest = more.largest > largest ? more.largest : largest;
    relative |= more.relative;
  }
};

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
    Bits changed = 0, overflowed = 0, largest = 0, relative = 0, least = ~Bits{0};
    for (std::size_t i = 0; i < count; ++i) {
      const Bits bits = in[i], back = Pair::back(out[i]);
      const Bits finite = (bits & magnitude) < infinity ? ~Bits{0} : Bits{0};
      overflowed |= finite & ((back & magnitude) >= infinity ? Bits{1} : Bits{0});
      changed += finite & (back != bits ? Bits{1} : Bits{0});
      least = lesser<Bits>(least, (bits & magnitude) - 1);
      const Value value = std::bit_cast<Value>(bits & magnitude & finite);
      const Value difference = std::bit_cast<Value>(back & magnitude & finite) - value;
      const Bits error = std::bit_cast<Bits>(difference) & magnitude;
      largest = error > largest ? error : largest;
      const Bits bound = std::bit_cast<Bits>(threshold * value);
      relative |= error > bound ? Bits{1} : Bits{0};
    }
    return {changed, overflowed, largest, relative, least};
  }
};

}  // namespace tensorferry::casts
