#include "plan/plausibility.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <unordered_set>
#include <vector>

namespace tensorferry {
namespace {

constexpr std::uint64_t kLeastNumbers = 64, kLeastInReading = 32, kLeastOfNoise = 128;
constexpr double kDoubted = 0.2, kFits = 0.03, kNoise = 0.4, kEighthInUse = 0.05, kNearlyAll = 0.9;
constexpr int kLowestMedian = -40, kHighestMedian = 20;
constexpr std::size_t kDistinctNumbers = 8;

struct FloatKind {
  DType dtype;
  unsigned bytes, exponent_bits, mantissa_bits;
  int reach;  ///< binades from the median that are not wild
};
constexpr FloatKind kFloats[] = {{DType::float32, 4, 8, 23, 40},
                                 {DType::float64, 8, 11, 52, 40},
                                 {DType::bfloat16, 2, 8, 7, 40},
                                 {DType::float16, 2, 5, 10, 8}};

struct IntegerKind {
  DType dtype;
  unsigned bytes;
  int few_bits;  ///< of what is plausible where floats are doubted
};
// In this order: a pair of int32 is an int64 of many bits, and a small int64 a pair of int32.
constexpr IntegerKind kIntegers[] = {
    {DType::int64, 8, 31}, {DType::int32, 4, 24}, {DType::int64, 8, 44}, {DType::int16, 2, 12}};

const FloatKind* float_kind(DType dtype) {
  if (dtype == DType::complex64) dtype = DType::float32;
  if (dtype == DType::complex128) dtype = DType::float64;
  const auto* found = std::ranges::find(kFloats, dtype, &FloatKind::dtype);
  return found == std::end(kFloats) ? nullptr : found;
}

template <unsigned kWidth, typename Visit>
void for_each_code_of(const ByteSample& sample, bool big, Visit& visit) {
  for (std::size_t at = 0; at + kWidth <= sample.bytes.size(); at += kWidth) {
    std::uint64_t code = 0;
    for (unsigned i = 0; i < kWidth; ++i)
      code |= std::to_integer<std::uint64_t>(sample.bytes[at + i]) << 8 * i;
    visit(big ? __builtin_bswap64(code) >> (64 - 8 * kWidth) : code);
  }
}

/// Calls `visit` with the code of each number of 2, 4 or 8 bytes.
template <typename Visit>
void for_each_code(const ByteSample& sample, unsigned width, bool big, Visit visit) {
  if (width == 2) for_each_code_of<2>(sample, big, visit);
  if (width == 4) for_each_code_of<4>(sample, big, visit);
  if (width == 8) for_each_code_of<8>(sample, big, visit);
}

// --- floats

struct FloatLook {
  std::uint64_t numbers = 0;  ///< that tell something
  std::uint64_t denormal = 0, odd_nan = 0;
  double wild = 0;  ///< share of the numbers
  int median = 0;   ///< binade
  bool uniform = false;
  std::size_t distinct = 0;
};

FloatLook look(const ByteSample& sample, const FloatKind& kind, bool big) {
  FloatLook result;
  const std::uint64_t top = (std::uint64_t{1} << kind.exponent_bits) - 1;
  const std::uint64_t fraction_mask = (std::uint64_t{1} << kind.mantissa_bits) - 1;
  const std::uint64_t quiet = std::uint64_t{1} << (kind.mantissa_bits - 1);
  const int bias = static_cast<int>(top >> 1);
  const bool wide = kind.exponent_bits > 5;
  // How many are in each binade; the lowest one is that of the least denormal number.
  const int lowest = 1 - static_cast<int>(kind.mantissa_bits) - bias;
  std::vector<std::uint64_t> binades(
      static_cast<std::size_t>(static_cast<int>(top) - bias - lowest));
  std::array<std::uint64_t, 8> eighths{};
  std::unordered_set<std::uint64_t> distinct;
  for_each_code(sample, kind.bytes, big, [&](std::uint64_t code) {
    const std::uint64_t exponent = code >> kind.mantissa_bits & top;
    const std::uint64_t fraction = code & fraction_mask;
    const bool ordinary = fraction == 0 || fraction == quiet || fraction == fraction_mask;
    if ((exponent == 0 && fraction == 0) || (exponent == top && ordinary)) return;
    ++result.numbers;
    ++eighths[exponent >> (kind.exponent_bits - 3)];
    if (distinct.size() < 2 * kDistinctNumbers) distinct.insert(code);
    if (exponent == top) {
      ++result.odd_nan;
    } else if (exponent == 0) {
      ++result.denormal;
      ++binades[std::bit_width(fraction) - 1];
    } else {
      ++binades[exponent + kind.mantissa_bits - 1];
    }
  });
  result.distinct = distinct.size();
  if (result.numbers == 0) return result;
  const std::uint64_t finite = result.numbers - result.odd_nan;
  std::uint64_t wild = result.odd_nan;
  if (finite > 0) {
    std::size_t middle = 0;
    for (std::uint64_t below = 0; (below += binades[middle]) <= finite / 2;) ++middle;
    result.median = lowest + static_cast<int>(middle);
    for (std::size_t i = 0; i < binades.size(); ++i) {
      const bool far = std::abs(static_cast<int>(i) - static_cast<int>(middle)) > kind.reach;
      const bool denormal = i < kind.mantissa_bits;
      if (far || (denormal && wide)) wild += binades[i];
    }
  }
  const auto all = static_cast<double>(result.numbers);
  result.wild = static_cast<double>(wild) / all;
  result.uniform = std::ranges::all_of(eighths, [&](std::uint64_t count) {
    return static_cast<double>(count) >= kEighthInUse * all;
  });
  return result;
}

bool fits(const FloatLook& look) {
  return look.numbers >= kLeastInReading && look.wild <= kFits && look.median >= kLowestMedian &&
         look.median <= kHighestMedian && look.distinct >= kDistinctNumbers;
}

// --- integers

struct IntegerLook {
  std::uint64_t numbers = 0;  ///< that are not zero
  int most_bits = 0;          ///< of a magnitude
  double large = 0;           ///< share with more than half of the bits
  std::size_t distinct = 0;
  bool like_digits = true;  ///< the low byte varies as much as the next one
};

IntegerLook look(const ByteSample& sample, unsigned width, bool big) {
  IntegerLook result;
  std::uint64_t large = 0;
  const int bits = static_cast<int>(8 * width);
  std::unordered_set<std::uint64_t> distinct;
  std::array<bool, 256> low{}, next{};
  for_each_code(sample, width, big, [&](std::uint64_t code) {
    low[code & 0xff] = true;
    next[code >> 8 & 0xff] = true;
    if (code == 0) return;
    ++result.numbers;
    const bool negative = code >> (bits - 1) != 0;
    const std::uint64_t mask = width == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
    const int size = static_cast<int>(std::bit_width(negative ? ~code & mask : code));
    result.most_bits = std::max(result.most_bits, size);
    if (2 * size > bits) ++large;
    if (distinct.size() < 2 * kDistinctNumbers) distinct.insert(code);
  });
  result.distinct = distinct.size();
  result.like_digits = std::ranges::count(low, true) >= std::ranges::count(next, true);
  if (result.numbers > 0)
    result.large = static_cast<double>(large) / static_cast<double>(result.numbers);
  return result;
}

// --- judgement

std::string named(DType dtype, bool big, bool said_big) {
  const std::string name(to_string(dtype));
  if (big) return "big-endian " + name;
  return said_big ? "little-endian " + name : name;
}

bool is_text(const ByteSample& sample) {
  constexpr double most = 0.03;
  const double others = most * static_cast<double>(sample.bytes.size());
  std::size_t other = 0;
  std::array<bool, 256> seen{};
  for (const std::byte byte : sample.bytes) {
    const auto c = std::to_integer<unsigned>(byte);
    seen[c] = true;
    if ((c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r' || c == '\t') continue;
    if (static_cast<double>(++other) > others) return false;
  }
  return std::ranges::count(seen, true) >= static_cast<std::ptrdiff_t>(kDistinctNumbers);
}

/// The kind of integers that fits where floats do not; nothing else than few bits speaks for it.
const IntegerKind* fitting_integer(const ByteSample& sample, IntegerLook& found) {
  for (const IntegerKind& kind : kIntegers) {
    if (sample.tensor_bytes % kind.bytes != 0) continue;
    found = look(sample, kind.bytes, false);
    if (found.numbers >= kLeastInReading && found.most_bits <= kind.few_bits &&
        found.distinct >= kDistinctNumbers)
      return &kind;
  }
  return nullptr;
}

/// The float reading that fits best, as text; empty = none.
std::string fitting_float(const ByteSample& sample, DType dtype, const FloatKind& said,
                          bool said_big) {
  std::string best;
  double wildest = 1;
  const auto attempt = [&](const FloatKind& kind, bool big) {
    const FloatLook found = look(sample, kind, big);
    if (!fits(found) || found.wild >= wildest) return;
    wildest = found.wild;
    best = named(&kind == &said ? dtype : kind.dtype, big, said_big);
  };
  attempt(said, !said_big);
  for (const FloatKind& kind : kFloats) {
    if (&kind == &said || sample.tensor_bytes % kind.bytes != 0) continue;
    attempt(kind, false);
    attempt(kind, true);
  }
  return best;
}

std::string found_text(const FloatLook& found) {
  const double all = static_cast<double>(found.numbers) * kNearlyAll;
  if (static_cast<double>(found.denormal) >= all) return "nearly all are denormal";
  if (static_cast<double>(found.odd_nan) >= all) return "nearly all are NaN";
  if (static_cast<double>(found.odd_nan + found.denormal) >= all)
    return "nearly all are denormal or NaN";
  return "exponents spread like noise";
}

std::optional<Doubt> doubt_float(const ByteSample& sample, DType dtype, const FloatKind& said,
                                 bool big) {
  const FloatLook found = look(sample, said, big);
  if (found.numbers < kLeastNumbers) return std::nullopt;
  if (is_text(sample)) return Doubt{"all bytes are printable", "text"};
  if (found.wild < kDoubted) return std::nullopt;
  IntegerLook integers;
  const IntegerKind* integer = fitting_integer(sample, integers);
  const std::string other = fitting_float(sample, dtype, said, big);
  constexpr int byte_bits = 8;
  const bool digits = integers.most_bits <= byte_bits || integers.like_digits;
  if (integer != nullptr && (other.empty() || digits))
    return Doubt{found_text(found), named(integer->dtype, false, big)};
  if (!other.empty()) return Doubt{found_text(found), other};
  if (found.wild >= kNoise && found.uniform && found.numbers >= kLeastOfNoise)
    return Doubt{found_text(found), ""};
  return std::nullopt;
}

std::optional<Doubt> doubt_integer(const ByteSample& sample, DType dtype, unsigned width,
                                   bool big) {
  const IntegerLook found = look(sample, width, big);
  if (found.numbers < kLeastNumbers || found.large < kNearlyAll) return std::nullopt;
  const IntegerLook swapped = look(sample, width, !big);
  if (2 * swapped.most_bits <= static_cast<int>(8 * width) && swapped.distinct >= kDistinctNumbers)
    return Doubt{"nearly all use their upper bytes only", named(dtype, !big, big)};
  for (const FloatKind& kind : kFloats) {
    if (kind.bytes != width || width == 2 || !fits(look(sample, kind, big))) continue;
    return Doubt{"nearly all are huge", named(kind.dtype, big, false)};
  }
  return std::nullopt;
}

unsigned integer_width(DType dtype) {
  switch (dtype) {
    case DType::int16:
    case DType::uint16:
      return 2;
    case DType::int32:
    case DType::uint32:
      return 4;
    case DType::int64:
    case DType::uint64:
      return 8;
    default:
      return 0;
  }
}

}  // namespace

bool can_be_doubted(DType dtype) {
  return float_kind(dtype) != nullptr || integer_width(dtype) > 0;
}

std::uint64_t telling(const ByteSample& sample, DType dtype, bool big_endian) {
  if (const FloatKind* kind = float_kind(dtype)) return look(sample, *kind, big_endian).numbers;
  const unsigned width = integer_width(dtype);
  return width == 0 ? 0 : look(sample, width, big_endian).numbers;
}

std::optional<Doubt> doubt(const ByteSample& sample, DType dtype, bool big_endian) {
  if (const FloatKind* kind = float_kind(dtype))
    return doubt_float(sample, dtype, *kind, big_endian);
  const unsigned width = integer_width(dtype);
  if (width == 0) return std::nullopt;
  return doubt_integer(sample, dtype, width, big_endian);
}

}  // namespace tensorferry
