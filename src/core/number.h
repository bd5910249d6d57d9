// Any number of any numeric dtype, exactly: what casts pass through.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensorferry/dtype.h"
#include "tensorferry/manifest.h"

namespace tensorferry {

/// How the codes of a floating-point type spend their extreme values.
enum class Extremes : std::uint8_t {
  ieee,             ///< the highest exponent holds infinities and NaNs
  all_ones_is_nan,  ///< no infinities; every bit but the sign set is NaN
  minus_zero_is_nan,
  finite,
};

/// Sign, exponent and fraction of a real type of at most 64 bits other than float8_e8m0fnu. Bit
/// layouts: IEEE 754, the OCP 8-bit and microscaling (MX) specifications, ml_dtypes for the FNUZ
/// types.
struct FloatLayout {
  int exponent_bits, fraction_bits, bias;
  Extremes extremes;

  std::uint64_t sign_bit() const { return std::uint64_t{1} << (exponent_bits + fraction_bits); }
  std::uint64_t fraction_mask() const { return (std::uint64_t{1} << fraction_bits) - 1; }
};
FloatLayout float_layout(DType dtype);

/// (-1)^negative * significand * 2^(exponent - 63). The significand of a finite number has its
/// highest bit set; of a NaN, the bits below that are its payload.
struct Number {
  enum class Kind : std::uint8_t { zero, finite, infinite, nan };
  Kind kind = Kind::zero;
  bool negative = false;
  int exponent = 0;
  std::uint64_t significand = 0;
};

/// One element of a bool, integer or real dtype, as in the representation.
Number decode_number(DType dtype, const std::byte* element);

/// Writes the number nearest to `number`, ties to even. False when the dtype cannot hold it; then
/// `overflow` says what is written (of Overflow::fail, as of saturate). Real dtypes and integers;
/// to bool, all but zero is true.
bool encode_number(DType dtype, const Number& number, Overflow overflow, std::byte* element);

/// The value, exact where long double is as wide as x87's; every NaN is the quiet one.
long double value_of(const Number& number);

}  // namespace tensorferry
