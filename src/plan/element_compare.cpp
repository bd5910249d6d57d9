#include "plan/element_compare.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "tensorferry/statistics.h"
#include "tensorferry/values.h"

namespace tensorferry {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::uint64_t kMostUlp = ~std::uint64_t{0};
__extension__ using Wide = unsigned __int128;  // the magnitude of an x87 number has 79 bits

long double real_at(DType dtype, const std::byte* bytes) {
  switch (dtype) {
    case DType::float32:
      return std::bit_cast<float>(static_cast<std::uint32_t>(little_endian(bytes, 4)));
    case DType::float64:
      return std::bit_cast<double>(little_endian(bytes, 8));
    case DType::longdouble:
      return decode_longdouble(bytes);
    default:
      return decode_small_float(dtype,
                                static_cast<unsigned>(little_endian(bytes, info(dtype).bytes)));
  }
}

/// Sign and position in the order of representable values, from zero on.
struct Place {
  bool negative = false;
  Wide magnitude = 0;
};

Place place_of(const DTypeInfo& row, const std::byte* bytes) {
  if (row.dtype == DType::longdouble) {
    const std::uint64_t significand = little_endian(bytes, 8), top = little_endian(bytes + 8, 2);
    const std::uint64_t exponent = top & 0x7fff;
    // The leading one of the significand is stored: without it both meet where the exponent
    // changes.
    const Wide fraction = exponent == 0 ? significand : significand & ~(std::uint64_t{1} << 63);
    return {(top & 0x8000) != 0, (static_cast<Wide>(exponent) << 63) + fraction};
  }
  const std::uint64_t code = little_endian(bytes, row.bytes);
  if (row.dtype == DType::float8_e8m0fnu) return {false, code};  // has no sign
  const std::uint64_t sign = std::uint64_t{1} << (row.bits - 1);
  return {(code & sign) != 0, code & (sign - 1)};
}

std::uint64_t ulp_between(const DTypeInfo& row, const std::byte* a, const std::byte* b) {
  const Place x = place_of(row, a), y = place_of(row, b);
  const Wide distance = x.negative != y.negative    ? x.magnitude + y.magnitude
                        : x.magnitude > y.magnitude ? x.magnitude - y.magnitude
                                                    : y.magnitude - x.magnitude;
  return distance > kMostUlp ? kMostUlp : static_cast<std::uint64_t>(distance);
}

double relative_to(double absolute, double magnitude) {
  if (absolute == 0) return 0;
  if (std::isinf(absolute)) return kInfinity;
  return magnitude == 0 ? kInfinity : absolute / magnitude;
}

bool same_bits(const std::byte* a, const std::byte* b, std::size_t n) {
  return std::memcmp(a, b, n) == 0;
}

}  // namespace

ElementComparer::ElementComparer(DType dtype, const Tolerance& tolerance)
    : row_(info(dtype)), element_bytes_(std::max(row_.bytes, 1u)), tolerance_(tolerance) {}

void ElementComparer::add(std::span<const std::byte> a, std::span<const std::byte> b) {
  constexpr std::size_t kStep = 4096;  // equal stretches are passed at the speed of memory
  const std::size_t n = std::min(a.size(), b.size());
  for (std::size_t at = 0; at < n; at += kStep) {
    const std::size_t step = std::min(kStep, n - at);
    if (same_bits(a.data() + at, b.data() + at, step)) {
      result_.elements += step / element_bytes_;
      continue;
    }
    for (std::size_t i = at; i < at + step; i += element_bytes_) {
      if (!same_bits(a.data() + i, b.data() + i, element_bytes_)) {
        add_different(a.data() + i, b.data() + i);
      }
      ++result_.elements;
    }
  }
}

void ElementComparer::add_strings(const std::vector<std::string>& a,
                                  const std::vector<std::string>& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] != b[i]) count(result_.elements, Distance{}, nullptr, nullptr);
    ++result_.elements;
  }
}

void ElementComparer::add_different(const std::byte* a, const std::byte* b) {
  count(result_.elements, distance(a, b), a, b);
}

void ElementComparer::count(std::uint64_t index, const Distance& distance, const std::byte* a,
                            const std::byte* b) {
  ElementDifferences& all = result_;
  const bool first_apart = !distance.close && all.apart == 0;
  if (all.bits == 0 || first_apart) all.first = index;
  ++all.bits;
  all.apart += !distance.close;
  all.nan += distance.nan;
  const bool worse =
      !any_worst_ || (!worst_is_nan_ && (distance.nan || distance.absolute > all.absolute));
  if (worse) {
    all.worst = index;
    any_worst_ = true;
    worst_is_nan_ = distance.nan;
    if (a) std::memcpy(all.worst_a.data(), a, element_bytes_);
    if (b) std::memcpy(all.worst_b.data(), b, element_bytes_);
  }
  all.absolute = std::max(all.absolute, distance.absolute);
  all.relative = std::max(all.relative, distance.relative);
  all.ulp = std::max(all.ulp, distance.ulp);
}

ElementComparer::Distance ElementComparer::distance(const std::byte* a, const std::byte* b) const {
  switch (row_.kind) {
    case DTypeKind::real:
      return real_distance(row_.dtype, a, b);
    case DTypeKind::complex:
      return complex_distance(a, b);
    case DTypeKind::signed_integer:
    case DTypeKind::unsigned_integer:
      return integer_distance(a, b);
    case DTypeKind::boolean: {
      Distance distance;
      distance.absolute = 1;
      distance.relative = relative_to(1, b[0] == std::byte{0} ? 0 : 1);
      return distance;
    }
    default:
      return {};
  }
}

bool ElementComparer::within(double absolute, double magnitude) const {
  if (tolerance_.exact() || !std::isfinite(absolute)) return false;
  return absolute <= tolerance_.absolute + tolerance_.relative * magnitude;
}

ElementComparer::Distance ElementComparer::integer_distance(const std::byte* a,
                                                            const std::byte* b) const {
  const std::uint64_t top = std::uint64_t{1} << 63;
  const unsigned shift = 64 - row_.bits;
  // Shifted up, signed numbers keep their order once the sign bit is turned over.
  std::uint64_t x = little_endian(a, row_.bytes) << shift, y = little_endian(b, row_.bytes)
                                                               << shift;
  const bool is_signed = row_.kind == DTypeKind::signed_integer;
  const std::uint64_t magnitude = is_signed && (y & top) != 0 ? (~y + 1) >> shift : y >> shift;
  if (is_signed) {
    x ^= top;
    y ^= top;
  }
  Distance distance;
  distance.absolute = static_cast<double>((x > y ? x - y : y - x) >> shift);
  distance.relative = relative_to(distance.absolute, static_cast<double>(magnitude));
  distance.close = within(distance.absolute, static_cast<double>(magnitude));
  return distance;
}

ElementComparer::Distance ElementComparer::real_distance(DType dtype, const std::byte* a,
                                                         const std::byte* b) const {
  Distance distance;
  const long double x = real_at(dtype, a), y = real_at(dtype, b);
  if (std::isnan(x) || std::isnan(y)) {
    distance.nan = std::isnan(x) != std::isnan(y);
    distance.near = distance.close = !distance.nan && !tolerance_.exact();
    return distance;
  }
  distance.ulp = ulp_between(info(dtype), a, b);
  if (x != y) distance.absolute = static_cast<double>(std::fabs(x - y));
  const auto magnitude = static_cast<double>(std::fabs(y));
  distance.relative = relative_to(distance.absolute, magnitude);
  const bool finite = std::isfinite(x) && std::isfinite(y);
  distance.near = !tolerance_.exact() &&
                  (x == y || (finite && tolerance_.ulp > 0 && distance.ulp <= tolerance_.ulp));
  distance.close = distance.near || within(distance.absolute, magnitude);
  return distance;
}

ElementComparer::Distance ElementComparer::complex_distance(const std::byte* a,
                                                            const std::byte* b) const {
  const DType part = number_dtype(row_.dtype);
  const std::uint32_t half = row_.component_bytes;
  const Distance real = real_distance(part, a, b),
                 imaginary = real_distance(part, a + half, b + half);
  Distance distance;
  distance.nan = real.nan || imaginary.nan;
  distance.ulp = std::max(real.ulp, imaginary.ulp);
  if (distance.nan) return distance;
  const auto magnitude = static_cast<double>(std::hypot(real_at(part, b), real_at(part, b + half)));
  distance.absolute = std::hypot(real.absolute, imaginary.absolute);
  distance.relative = relative_to(distance.absolute, magnitude);
  distance.near = real.near && imaginary.near;
  distance.close = distance.near || within(distance.absolute, magnitude);
  return distance;
}

}  // namespace tensorferry
