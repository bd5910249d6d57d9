#include "tensorferry/values.h"

#include <cmath>
#include <limits>

#include "tensorferry/error.h"

namespace tensorferry {
namespace {

/// How the codes of a small floating-point type spend their extreme values.
enum class Extremes : unsigned char {
  ieee,             ///< the highest exponent holds infinities and NaNs
  all_ones_is_nan,  ///< no infinities; every bit but the sign set is NaN
  minus_zero_is_nan,
  finite,
};

/// Bit layouts: the OCP 8-bit and microscaling (MX) specifications, ml_dtypes for the FNUZ types.
struct SmallFloat {
  int exponent_bits, mantissa_bits, bias;
  Extremes extremes;
};

SmallFloat layout_of(DType dtype) {
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
    default:
      throw Error(ErrorCode::internal, "dtype", "not a small floating-point type");
  }
}

}  // namespace

std::uint64_t little_endian(const std::byte* bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;)
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

/// The x87 format: 64 bits of significand with an explicit leading one, 15 of exponent, the sign.
long double decode_longdouble(const std::byte* bytes) {
  const std::uint64_t significand = little_endian(bytes, 8);
  const auto top = static_cast<unsigned>(little_endian(bytes + 8, 2));
  const int exponent = static_cast<int>(top & 0x7fff);
  const bool leading_one = (significand >> 63) != 0;
  long double value = 0;
  if (exponent == 0x7fff ||
      (exponent != 0 && !leading_one)) {  // without the leading one: an invalid operand
    const bool infinite = exponent == 0x7fff && significand << 1 == 0 && leading_one;
    value = infinite ? std::numeric_limits<long double>::infinity()
                     : std::numeric_limits<long double>::quiet_NaN();
  } else {
    value = std::ldexp(static_cast<long double>(significand),
                       (exponent == 0 ? 1 : exponent) - 16383 - 63);
  }
  return (top & 0x8000) != 0 ? -value : value;
}

float decode_small_float(DType dtype, unsigned code) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  if (dtype == DType::float8_e8m0fnu)
    return (code & 0xff) == 0xff ? nan : std::ldexp(1.0F, static_cast<int>(code & 0xff) - 127);

  const SmallFloat type = layout_of(dtype);
  const unsigned sign_bit = 1U << (type.exponent_bits + type.mantissa_bits);
  const bool negative = (code & sign_bit) != 0;
  const unsigned magnitude = code & (sign_bit - 1);
  const unsigned mantissa = magnitude & ((1U << type.mantissa_bits) - 1);
  const unsigned exponent = magnitude >> type.mantissa_bits;

  if (type.extremes == Extremes::all_ones_is_nan && magnitude == sign_bit - 1) return nan;
  if (type.extremes == Extremes::minus_zero_is_nan && negative && magnitude == 0) return nan;
  float value = 0;
  if (type.extremes == Extremes::ieee && exponent == (1U << type.exponent_bits) - 1) {
    if (mantissa != 0) return nan;
    value = std::numeric_limits<float>::infinity();
  } else {
    const unsigned leading = exponent == 0 ? 0 : 1U << type.mantissa_bits;
    const int power =
        (exponent == 0 ? 1 : static_cast<int>(exponent)) - type.bias - type.mantissa_bits;
    value = std::ldexp(static_cast<float>(leading | mantissa), power);
  }
  return negative ? -value : value;
}

}  // namespace tensorferry
