#include "plan/cast_fast.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "plan/cast_pairs.h"
#include "plan/cast_vectors.h"

namespace tensorferry {
namespace {

using namespace casts;

template <typename T>
T load(std::span<const std::byte> bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

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

/// Whether element `i` becomes zero without being it.
template <typename Pair>
inline bool vanishes(std::span<const std::byte> in, std::size_t i) {
  using Bits = typename Pair::From;
  return (load<Bits>(in, i) & Ieee<Bits>::kMagnitude) - 1 < Pair::kVanishing;
}

template <typename Pair>
inline std::uint64_t count_vanished(std::span<const std::byte> in, std::size_t count) {
  typename Pair::From vanished = 0;
  for (std::size_t i = 0; i < count; ++i)
    vanished += static_cast<typename Pair::From>(vanishes<Pair>(in, i));
  return vanished;
}

/// There is one.
template <typename Pair>
std::size_t first_vanished(std::span<const std::byte> in) {
  std::size_t i = 0;
  while (!vanishes<Pair>(in, i)) ++i;
  return i;
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
    if (seen.least < Pair::kVanishing) {
      if (sum.underflowed == 0) sum.first_underflowed = first + at + first_vanished<Pair>(in);
      sum.underflowed += count_vanished<Pair>(in, n);
    }
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

/// The same loop, compiled for what a processor has.
#ifdef TENSORFERRY_CAST_AVX2
template <Loop kLoop>
__attribute__((target(TENSORFERRY_CAST_AVX2), flatten)) bool with_avx2(
    std::span<const std::byte> in, std::span<std::byte> out, std::uint64_t first,
    CastTally& tally) {
  return kLoop(in, out, first, tally);
}

template <Loop kLoop>
__attribute__((target(TENSORFERRY_CAST_AVX512), flatten)) bool with_avx512(
    std::span<const std::byte> in, std::span<std::byte> out, std::uint64_t first,
    CastTally& tally) {
  return kLoop(in, out, first, tally);
}
#endif

using Versions = std::span<const CastVersion>;

/// `kLoop` as the compiler makes vectors of it; `kLoop2` and `kLoop512` for AVX2 and AVX-512. The
/// processor is asked once.
template <Loop kLoop, Loop kLoop2 = kLoop, Loop kLoop512 = kLoop>
Versions versions_of() {
  static const std::vector<CastVersion> versions = [] {
    std::vector<CastVersion> all;
#ifdef TENSORFERRY_CAST_AVX2
    if (avx512::is_supported()) all.push_back({"avx512", with_avx512<kLoop512>});
    if (avx2::is_supported()) all.push_back({"avx2", with_avx2<kLoop2>});
#endif
    all.push_back({"portable", plain<kLoop>});
    return all;
  }();
  return versions;
}

template <typename Pair>
Versions narrowing() {
  return versions_of<narrow<PortableBlock<Pair>>>();
}

#ifdef TENSORFERRY_CAST_AVX2
template <>
Versions narrowing<Float32ToBfloat16>() {
  return versions_of<narrow<PortableBlock<Float32ToBfloat16>>,
                     narrow<VectorBlock<avx2::Loop<avx2::Bfloat16Lanes>>>,
                     narrow<VectorBlock<avx512::Loop<avx512::Bfloat16Lanes>>>>();
}

template <>
Versions narrowing<Float32ToFloat16>() {
  return versions_of<narrow<PortableBlock<Float32ToFloat16>>,
                     narrow<VectorBlock<avx2::Loop<avx2::Float16Lanes>>>,
                     narrow<VectorBlock<avx512::Loop<avx512::Float16Lanes>>>>();
}
#endif

template <typename Pair>
Versions widening() {
  return versions_of<widen<Pair>>();
}

}  // namespace

std::span<const CastVersion> fast_casts(DType from, DType to) {
  using enum DType;
  if (from == float32 && to == bfloat16) return narrowing<Float32ToBfloat16>();
  if (from == float32 && to == float16) return narrowing<Float32ToFloat16>();
  if (from == float64 && to == float32) return narrowing<Float64ToFloat32>();
  if (from == bfloat16 && to == float32) return widening<Float32ToBfloat16>();
  if (from == float16 && to == float32) return widening<Float32ToFloat16>();
  if (from == float32 && to == float64) return widening<Float64ToFloat32>();
  return {};
}

}  // namespace tensorferry
