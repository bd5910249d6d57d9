#include "plan/element_compare.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include <utility>

#include "core/number.h"
#include "plan/cast.h"
#include "tensorferry/statistics.h"
#include "tensorferry/values.h"

namespace tensorferry {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::uint64_t kMostUlp = ~std::uint64_t{0};
__extension__ using Wide = unsigned __int128;  // the magnitude of an x87 number has 79 bits

/// The values of all codes of a real dtype of at most 16 bits, made when they are first asked for.
const std::vector<float>& values_of(DType dtype) {
  constexpr std::size_t kDTypes = static_cast<std::size_t>(DType::unknown) + 1;
  static std::array<std::once_flag, kDTypes> made;
  static std::array<std::vector<float>, kDTypes> tables;
  const auto index = static_cast<std::size_t>(dtype);
  std::call_once(made[index], [&] {
    std::vector<float> table(std::size_t{1} << (8 * info(dtype).bytes));
    for (std::size_t code = 0; code < table.size(); ++code)
      table[code] = decode_small_float(dtype, static_cast<unsigned>(code));
    tables[index] = std::move(table);
  });
  return tables[index];
}

/// Exactly: all numbers of at most 64 bits fit in a long double.
long double number_at(DType dtype, const std::byte* bytes) {
  switch (dtype) {
    case DType::float32:
      return std::bit_cast<float>(static_cast<std::uint32_t>(little_endian(bytes, 4)));
    case DType::float64:
      return std::bit_cast<double>(little_endian(bytes, 8));
    case DType::longdouble:
      return decode_longdouble(bytes);
    default:
      if (info(dtype).kind != DTypeKind::real) return value_of(decode_number(dtype, bytes));
      return values_of(dtype)[little_endian(bytes, info(dtype).bytes)];
  }
}

bool is_real(DType dtype) { return info(dtype).kind == DTypeKind::real; }

/// Bits behind the leading one; of an integer, which has no representable values in between, more
/// than any real dtype has.
int fraction_bits(DType dtype) {
  if (!is_real(dtype)) return 128;
  if (dtype == DType::longdouble) return 63;
  if (dtype == DType::float8_e8m0fnu) return 0;
  return float_layout(dtype).fraction_bits;
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

/// Of two dtypes: as the one with the shorter fraction, or else B, has them.
std::uint64_t ulp_of_narrower(DType a, const std::byte* x, DType b, const std::byte* y) {
  if (a == b) return ulp_between(info(a), x, y);
  if (!is_real(a) && !is_real(b)) return 0;
  if (fraction_bits(a) < fraction_bits(b)) return ulp_of_narrower(b, y, a, x);
  std::array<std::byte, 16> rounded{};
  if (!encode_number(b, decode_number(a, x), Overflow::saturate, rounded.data())) return kMostUlp;
  return ulp_between(info(b), rounded.data(), y);
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

bool are_comparable(DType a, DType b) { return a == b || (is_number(a) && is_number(b)); }

ElementComparer::ElementComparer(DType a, DType b, const Tolerance& tolerance)
    : row_a_(info(a)),
      row_b_(info(b)),
      bytes_a_(std::max(row_a_.bytes, 1u)),
      bytes_b_(std::max(row_b_.bytes, 1u)),
      tolerance_(tolerance) {}

void ElementComparer::add(std::span<const std::byte> a, std::span<const std::byte> b) {
  if (row_a_.dtype == row_b_.dtype) return add_same_dtype(a, b);
  const std::size_t count = std::min(a.size() / bytes_a_, b.size() / bytes_b_);
  const bool complex = row_a_.kind == DTypeKind::complex || row_b_.kind == DTypeKind::complex;
  if (!complex) return add_numbers(a.data(), b.data(), count);
  for (std::size_t i = 0; i < count; ++i)
    add_complex(a.data() + i * bytes_a_, b.data() + i * bytes_b_);
}

void ElementComparer::add_same_dtype(std::span<const std::byte> a, std::span<const std::byte> b) {
  constexpr std::size_t kStep = 4096;  // equal stretches are passed at the speed of memory
  const std::size_t n = std::min(a.size(), b.size());
  for (std::size_t at = 0; at < n; at += kStep) {
    const std::size_t step = std::min(kStep, n - at);
    if (same_bits(a.data() + at, b.data() + at, step)) {
      result_.elements += step / bytes_a_;
      continue;
    }
    for (std::size_t i = at; i < at + step; i += bytes_a_) {
      if (!same_bits(a.data() + i, b.data() + i, bytes_a_))
        count_difference(result_.elements, distance(a.data() + i, b.data() + i), a.data() + i,
                         b.data() + i);
      ++result_.elements;
    }
  }
}

void ElementComparer::add_numbers(const std::byte* a, const std::byte* b, std::size_t count) {
  const DType type_a = row_a_.dtype, type_b = row_b_.dtype;
  const bool have_ulp = is_real(type_a) || is_real(type_b);
  const bool to_b = fraction_bits(type_a) >= fraction_bits(type_b);
  const DTypeInfo& narrow = to_b ? row_b_ : row_a_;
  const DTypeInfo& wide = to_b ? row_a_ : row_b_;
  constexpr std::size_t kStep = 1024;
  std::array<std::byte, kStep * sizeof(long double)> rounded;
  for (std::size_t done = 0; done < count; done += kStep) {
    const std::size_t step = std::min(kStep, count - done);
    const std::byte* first_a = a + done * bytes_a_;
    const std::byte* first_b = b + done * bytes_b_;
    bool all_fit = false;
    if (have_ulp) {
      const std::span from((to_b ? first_a : first_b), step * wide.bytes);
      const std::span to(rounded.data(), step * narrow.bytes);
      all_fit =
          cast_elements(wide.dtype, narrow.dtype, Overflow::infinity, from, to, 0, 1).overflowed ==
          0;
    }
    for (std::size_t i = 0; i < step; ++i, ++result_.elements) {
      const std::byte* in_a = first_a + i * bytes_a_;
      const std::byte* in_b = first_b + i * bytes_b_;
      const Value x{type_a, in_a, number_at(type_a, in_a)},
          y{type_b, in_b, number_at(type_b, in_b)};
      if (x.number == y.number || (std::isnan(x.number) && std::isnan(y.number))) continue;
      const std::uint64_t ulp =
          all_fit ? ulp_between(narrow, rounded.data() + i * narrow.bytes, to_b ? in_b : in_a)
                  : ulp_of_narrower(type_a, in_a, type_b, in_b);
      count_difference(result_.elements, real_distance(x, y, ulp), in_a, in_b);
    }
  }
}

void ElementComparer::add_complex(const std::byte* a, const std::byte* b) {
  const Distance found = complex_distance(a, b);
  if (found.absolute != 0 || found.nan) count_difference(result_.elements, found, a, b);
  ++result_.elements;
}

void ElementComparer::add_strings(const std::vector<std::string>& a,
                                  const std::vector<std::string>& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] != b[i]) count_difference(result_.elements, Distance{}, nullptr, nullptr);
    ++result_.elements;
  }
}

void ElementComparer::count_difference(std::uint64_t index, const Distance& distance,
                                       const std::byte* a, const std::byte* b) {
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
    if (a) std::memcpy(all.worst_a.data(), a, bytes_a_);
    if (b) std::memcpy(all.worst_b.data(), b, bytes_b_);
  }
  all.absolute = std::max(all.absolute, distance.absolute);
  all.relative = std::max(all.relative, distance.relative);
  all.ulp = std::max(all.ulp, distance.ulp);
}

ElementComparer::Distance ElementComparer::distance(const std::byte* a, const std::byte* b) const {
  const DType dtype = row_a_.dtype;
  switch (row_a_.kind) {
    case DTypeKind::real:
      return real_distance({dtype, a, number_at(dtype, a)}, {dtype, b, number_at(dtype, b)},
                           ulp_between(row_a_, a, b));
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
  const unsigned shift = 64 - row_a_.bits;
  // Shifted up, signed numbers keep their order once the sign bit is turned over.
  std::uint64_t x = little_endian(a, row_a_.bytes) << shift, y = little_endian(b, row_a_.bytes)
                                                                 << shift;
  const bool is_signed = row_a_.kind == DTypeKind::signed_integer;
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

ElementComparer::Distance ElementComparer::real_distance(const Value& a, const Value& b,
                                                         std::uint64_t ulp) const {
  Distance distance;
  const long double x = a.number, y = b.number;
  if (std::isnan(x) || std::isnan(y)) {
    distance.nan = std::isnan(x) != std::isnan(y);
    distance.near = distance.close = !distance.nan && !tolerance_.exact();
    return distance;
  }
  distance.ulp = ulp;
  const bool has_ulp = tolerance_.ulp && (is_real(a.dtype) || is_real(b.dtype));
  if (x != y) distance.absolute = static_cast<double>(std::fabs(x - y));
  const auto magnitude = static_cast<double>(std::fabs(y));
  distance.relative = relative_to(distance.absolute, magnitude);
  const bool finite = std::isfinite(x) && std::isfinite(y);
  distance.near =
      !tolerance_.exact() && (x == y || (finite && has_ulp && distance.ulp <= *tolerance_.ulp));
  distance.close = distance.near || within(distance.absolute, magnitude);
  return distance;
}

ElementComparer::Distance ElementComparer::complex_distance(const std::byte* a,
                                                            const std::byte* b) const {
  const auto part = [](const DTypeInfo& row, const std::byte* bytes, bool imaginary) {
    static constexpr std::array<std::byte, 16> kZero{};
    const DType dtype = number_dtype(row.dtype);
    const bool has_two = dtype != row.dtype;
    if (imaginary) bytes = has_two ? bytes + row.component_bytes : kZero.data();
    return Value{dtype, bytes, number_at(dtype, bytes)};
  };
  const Value x = part(row_b_, b, false), y = part(row_b_, b, true);
  const auto between = [this](const Value& one, const Value& other) {
    return real_distance(one, other,
                         ulp_of_narrower(one.dtype, one.bytes, other.dtype, other.bytes));
  };
  const Distance real = between(part(row_a_, a, false), x),
                 imaginary = between(part(row_a_, a, true), y);
  Distance distance;
  distance.nan = real.nan || imaginary.nan;
  distance.ulp = std::max(real.ulp, imaginary.ulp);
  if (distance.nan) return distance;
  const auto magnitude = static_cast<double>(std::hypot(x.number, y.number));
  distance.absolute = std::hypot(real.absolute, imaginary.absolute);
  distance.relative = relative_to(distance.absolute, magnitude);
  distance.near = real.near && imaginary.near;
  distance.close = distance.near || within(distance.absolute, magnitude);
  return distance;
}

}  // namespace tensorferry
