#include "core/number.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "tensorferry/error.h"
#include "tensorferry/values.h"

namespace tensorferry {
namespace {

using Kind = Number::Kind;

constexpr std::uint64_t kTop = std::uint64_t{1} << 63;
constexpr int kExponentOnlyBias = 127;  // of float8_e8m0fnu, whose only NaN is 0xff
constexpr unsigned kExponentOnlyNan = 0xff;
constexpr int kExtendedBias = 16383;  // of x87 numbers
constexpr unsigned kExtendedTop = 0x7fff;

void store(std::uint64_t code, std::byte* element, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    element[i] = static_cast<std::byte>(code & 0xff);
    code >>= 8;
  }
}

Number finite(bool negative, std::uint64_t magnitude, int exponent_of_lowest_bit) {
  if (magnitude == 0) return {Kind::zero, negative, 0, 0};
  const int up = std::countl_zero(magnitude);
  return {Kind::finite, negative, exponent_of_lowest_bit + 63 - up, magnitude << up};
}

Number decode_float(const FloatLayout& layout, std::uint64_t code) {
  const bool negative = (code & layout.sign_bit()) != 0;
  const std::uint64_t magnitude = code & (layout.sign_bit() - 1);
  const std::uint64_t fraction = magnitude & layout.fraction_mask();
  const auto exponent = static_cast<int>(magnitude >> layout.fraction_bits);
  const std::uint64_t payload = kTop | fraction << (63 - layout.fraction_bits);
  if (layout.extremes == Extremes::ieee && exponent == (1 << layout.exponent_bits) - 1)
    return {fraction == 0 ? Kind::infinite : Kind::nan, negative, 0, payload};
  if (layout.extremes == Extremes::all_ones_is_nan && magnitude == layout.sign_bit() - 1)
    return {Kind::nan, negative, 0, kTop};
  if (layout.extremes == Extremes::minus_zero_is_nan && negative && magnitude == 0)
    return {Kind::nan, false, 0, kTop};
  const std::uint64_t leading = exponent == 0 ? 0 : std::uint64_t{1} << layout.fraction_bits;
  return finite(negative, leading | fraction,
                std::max(exponent, 1) - layout.bias - layout.fraction_bits);
}

Number decode_extended(const std::byte* element) {
  const std::uint64_t significand = little_endian(element, 8);
  const auto top = static_cast<unsigned>(little_endian(element + 8, 2));
  const bool negative = (top & 0x8000) != 0;
  const unsigned exponent = top & kExtendedTop;
  const bool leading_one = (significand & kTop) != 0;
  if (exponent == kExtendedTop && significand == kTop) return {Kind::infinite, negative, 0, 0};
  // Without the leading one: what the processor calls an invalid operand.
  if (exponent == kExtendedTop || (exponent != 0 && !leading_one))
    return {Kind::nan, negative, 0, significand | kTop};
  return finite(negative, significand,
                std::max(static_cast<int>(exponent), 1) - kExtendedBias - 63);
}

/// significand >> shift, to nearest, ties to even. `shift` from 0 on.
std::uint64_t rounded(std::uint64_t significand, int shift) {
  if (shift == 0) return significand;
  if (shift > 64) return 0;
  const std::uint64_t half = std::uint64_t{1} << (shift - 1);
  const std::uint64_t kept = shift == 64 ? 0 : significand >> shift;
  const std::uint64_t rest = shift == 64 ? significand : significand & ((half << 1) - 1);
  return kept + (rest > half || (rest == half && (kept & 1) != 0));
}

struct Codes {
  std::uint64_t largest;  // the code of the largest number
  std::uint64_t infinite, nan;
  bool has_infinity, has_nan;
};

Codes codes_of(const FloatLayout& layout) {
  const std::uint64_t all = layout.sign_bit() - 1;
  switch (layout.extremes) {
    case Extremes::ieee: {
      const std::uint64_t infinite = all & ~layout.fraction_mask();
      return {infinite - 1, infinite, infinite, true, true};
    }
    case Extremes::all_ones_is_nan:
      return {all - 1, 0, all, false, true};
    case Extremes::minus_zero_is_nan:
      return {all, 0, layout.sign_bit(), false, true};
    case Extremes::finite:
      break;
  }
  return {all, 0, 0, false, false};
}

std::uint64_t nan_code(const FloatLayout& layout, const Codes& codes, const Number& number) {
  if (layout.extremes == Extremes::minus_zero_is_nan) return codes.nan;
  const std::uint64_t sign = number.negative ? layout.sign_bit() : 0;
  if (layout.extremes != Extremes::ieee) return sign | codes.nan;
  const std::uint64_t quiet = std::uint64_t{1} << (layout.fraction_bits - 1);
  const std::uint64_t payload = (number.significand & ~kTop) >> (63 - layout.fraction_bits);
  return sign | codes.nan | quiet | payload;
}

/// The magnitude's code, or more than the largest one.
std::uint64_t magnitude_code(const FloatLayout& layout, const Number& number) {
  const int exponent = number.exponent + layout.bias;  // the field, if it is a normal number
  if (exponent >= 1 << layout.exponent_bits) return layout.sign_bit();
  const int below = exponent < 1 ? 1 - exponent : 0;
  const std::uint64_t kept = rounded(number.significand, 63 - layout.fraction_bits + below);
  if (exponent < 1) return kept;
  return (static_cast<std::uint64_t>(exponent - 1) << layout.fraction_bits) + kept;
}

bool encode_float(const FloatLayout& layout, const Number& number, Overflow overflow,
                  std::uint64_t& code) {
  const Codes codes = codes_of(layout);
  const std::uint64_t sign = number.negative ? layout.sign_bit() : 0;
  const bool no_minus_zero = layout.extremes == Extremes::minus_zero_is_nan;
  if (number.kind == Kind::nan) {
    code = codes.has_nan ? nan_code(layout, codes, number) : 0;
    return codes.has_nan;
  }
  const std::uint64_t magnitude = number.kind == Kind::finite     ? magnitude_code(layout, number)
                                  : number.kind == Kind::infinite ? codes.largest + 1
                                                                  : 0;
  if (magnitude <= codes.largest) {
    code = no_minus_zero && magnitude == 0 ? 0 : sign | magnitude;
    return true;
  }
  if (codes.has_infinity && (number.kind == Kind::infinite || overflow == Overflow::infinity)) {
    code = sign | codes.infinite;
    return number.kind == Kind::infinite;
  }
  const bool as_nan = overflow == Overflow::infinity && codes.has_nan;
  code = as_nan ? nan_code(layout, codes, Number{Kind::nan, number.negative, 0, kTop})
                : sign | codes.largest;
  return false;
}

/// Powers of two from 2^-127 to 2^127: no sign, no zero. Without a fraction there is no even code:
/// ties go up, as in ml_dtypes.
bool encode_exponent_only(const Number& number, Overflow overflow, std::uint64_t& code) {
  constexpr int largest = 254;
  if (number.kind == Kind::finite && !number.negative) {
    const int exponent = number.exponent + kExponentOnlyBias;
    const bool up = (number.significand & kTop >> 1) != 0;
    const int nearest = std::max(exponent + (up ? 1 : 0), 0);
    if (nearest <= largest) {
      code = static_cast<std::uint64_t>(nearest);
      return true;
    }
  }
  if (number.kind == Kind::nan) {
    code = kExponentOnlyNan;
    return true;
  }
  const bool large = !number.negative && (number.kind == Kind::infinite || number.exponent > 0);
  const unsigned nearest = large && number.kind != Kind::zero ? largest : 0;
  code = overflow == Overflow::infinity ? kExponentOnlyNan : nearest;
  return false;
}

bool encode_extended(const Number& number, std::byte* element) {
  std::uint64_t significand = number.significand;
  unsigned exponent = 0;
  switch (number.kind) {
    case Kind::zero:
      break;
    case Kind::infinite:
      significand = kTop;
      exponent = kExtendedTop;
      break;
    case Kind::nan:
      significand |= kTop | kTop >> 1;  // quiet
      exponent = kExtendedTop;
      break;
    case Kind::finite:  // every finite number of another dtype is a normal one here
      exponent = static_cast<unsigned>(number.exponent + kExtendedBias);
      break;
  }
  store(significand, element, 8);
  store(exponent | (number.negative ? 0x8000U : 0), element + 8, 8);
  return true;
}

bool encode_integer(const DTypeInfo& row, const Number& number, std::byte* element) {
  const bool is_signed = row.kind == DTypeKind::signed_integer;
  const std::uint64_t highest = ~std::uint64_t{0} >> (64 - row.bits) >> (is_signed ? 1 : 0);
  const std::uint64_t lowest = is_signed ? highest + 1 : 0;  // as a magnitude
  const std::uint64_t limit = number.negative ? lowest : highest;
  std::uint64_t magnitude = 0;
  bool fits = number.kind != Kind::nan && number.kind != Kind::infinite;
  if (number.kind == Kind::infinite) magnitude = limit;
  if (number.kind == Kind::finite) {
    fits = number.exponent <= 63;
    // Below a half everything rounds to zero, as at a shift of 65.
    if (fits) magnitude = rounded(number.significand, std::min(63 - number.exponent, 65));
    fits = fits && magnitude <= limit;
    if (!fits) magnitude = limit;
  }
  const std::uint64_t code = number.negative ? ~magnitude + 1 : magnitude;
  store(code & (~std::uint64_t{0} >> (64 - row.bits)), element, row.bytes);
  return fits;
}

}  // namespace

FloatLayout float_layout(DType dtype) {
  switch (dtype) {
    case DType::float4_e2m1fn:
      return {2, 1, 1, Extremes::finite};
    case DType::float6_e2m3fn:
      return {2, 3, 1, Extremes::finite};
    case DType::float6_e3m2fn:
      return {3, 2, 3, Extremes::finite};
    case DType::float8_e4m3fn:
      return {4, 3, 7, Extremes::all_ones_is_nan};
    case DType::float8_e4m3fnuz:
      return {4, 3, 8, Extremes::minus_zero_is_nan};
    case DType::float8_e4m3b11fnuz:
      return {4, 3, 11, Extremes::minus_zero_is_nan};
    case DType::float8_e5m2:
      return {5, 2, 15, Extremes::ieee};
    case DType::float8_e5m2fnuz:
      return {5, 2, 16, Extremes::minus_zero_is_nan};
    case DType::float16:
      return {5, 10, 15, Extremes::ieee};
    case DType::bfloat16:
      return {8, 7, 127, Extremes::ieee};
    case DType::float32:
      return {8, 23, 127, Extremes::ieee};
    case DType::float64:
      return {11, 52, 1023, Extremes::ieee};
    default:
      throw Error(ErrorCode::internal, "dtype", "not a floating-point type of at most 64 bits");
  }
}

Number decode_number(DType dtype, const std::byte* element) {
  const DTypeInfo& row = info(dtype);
  if (dtype == DType::longdouble) return decode_extended(element);
  const std::uint64_t code = little_endian(element, row.bytes);
  if (dtype == DType::float8_e8m0fnu) {
    if (code == kExponentOnlyNan) return {Kind::nan, false, 0, kTop};
    return {Kind::finite, false, static_cast<int>(code) - kExponentOnlyBias, kTop};
  }
  if (row.kind == DTypeKind::real) return decode_float(float_layout(dtype), code);
  const unsigned unused = 64 - row.bits;
  const auto value = static_cast<std::int64_t>(code << unused);
  const bool negative = row.kind == DTypeKind::signed_integer && value < 0;
  const auto extended = negative ? static_cast<std::uint64_t>(value >> unused) : code;
  return finite(negative, negative ? ~extended + 1 : extended, 0);
}

bool encode_number(DType dtype, const Number& number, Overflow overflow, std::byte* element) {
  const DTypeInfo& row = info(dtype);
  if (dtype == DType::longdouble) return encode_extended(number, element);
  if (row.kind == DTypeKind::boolean) {
    element[0] = std::byte{number.kind != Kind::zero};
    return true;
  }
  if (row.kind != DTypeKind::real) return encode_integer(row, number, element);
  std::uint64_t code = 0;
  const bool fits = dtype == DType::float8_e8m0fnu
                        ? encode_exponent_only(number, overflow, code)
                        : encode_float(float_layout(dtype), number, overflow, code);
  store(code, element, row.bytes);
  return fits;
}

long double value_of(const Number& number) {
  long double value = 0;
  if (number.kind == Kind::nan) return std::numeric_limits<long double>::quiet_NaN();
  if (number.kind == Kind::infinite) value = std::numeric_limits<long double>::infinity();
  if (number.kind == Kind::finite)
    value = std::ldexp(static_cast<long double>(number.significand), number.exponent - 63);
  return number.negative ? -value : value;
}

}  // namespace tensorferry
