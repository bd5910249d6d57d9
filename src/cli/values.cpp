#include "values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "json_text.h"
#include "tensorferry/error.h"
#include "tensorferry/values.h"

namespace tensorferry::cli {
namespace {

template <typename T>
void append_number(std::string& out, T value) {
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

/// Rounded to what an x87 number has room for: 64 bits, fewer near zero.
long double rounded_to_x87(long double value) {
  constexpr int kBits = 64, kLeastExponent = -16381;  // of a fraction, as frexp() gives it
  int exponent = 0;
  const long double fraction = std::frexp(value, &exponent);
  const int bits = kBits - std::max(0, kLeastExponent - exponent);
  return std::ldexp(std::rint(std::ldexp(fraction, bits)), exponent - bits);
}

/// The shortest digits that mean this x87 number and no other, where long double is wider (ARM);
/// the processor's own long double takes them from the library.
void append_x87(std::string& out, long double value) {
  if (std::numeric_limits<long double>::digits <= 64 || value == 0)
    return append_number(out, value);
  constexpr int kMostDigits = 21, kLeastFixed = -6, kMostFixed = 40;
  char digits[64];
  char* end = digits;
  int count = 0;
  do {
    end = std::to_chars(digits, digits + sizeof digits - 1, value, std::chars_format::scientific,
                        count++)
              .ptr;
    *end = '\0';
  } while (count < kMostDigits && rounded_to_x87(std::strtold(digits, nullptr)) != value);
  const int exponent = std::atoi(std::find(digits, end, 'e') + 1);
  std::string text(digits, end);
  if (exponent > kLeastFixed && exponent < kMostFixed) {
    end = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed,
                        std::max(0, count - 1 - exponent))
              .ptr;
    if (end - digits <= static_cast<std::ptrdiff_t>(text.size())) text.assign(digits, end);
  }
  out += text;
}

template <typename T>
void append_real(std::string& out, T value, Style style) {
  if (!std::isfinite(value)) {
    const bool negative = std::signbit(value) && !std::isnan(value);
    if (style == Style::json)
      out += std::isnan(value) ? "\"NaN\"" : negative ? "\"-Infinity\"" : "\"Infinity\"";
    else
      out += std::isnan(value) ? "nan" : negative ? "-inf" : "inf";
    return;
  }
  const std::size_t start = out.size();
  if constexpr (std::is_same_v<T, long double>)
    append_x87(out, value);
  else
    append_number(out, value);
  if (out.find_first_of(".e", start) == std::string::npos) out += ".0";
}

template <typename T>
T bits_as(const std::byte* bytes) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const auto bits = static_cast<Bits>(little_endian(bytes, sizeof(T)));
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <typename T>
void append_complex(std::string& out, const std::byte* bytes, Style style) {
  if (style == Style::json) out += '[';
  append_real(out, bits_as<T>(bytes), style);
  const T imaginary = bits_as<T>(bytes + sizeof(T));
  if (style == Style::json)
    out += ',';
  else if (std::isnan(imaginary) || !std::signbit(imaginary))
    out += '+';
  append_real(out, imaginary, style);
  out += style == Style::json ? ']' : 'j';
}

void append_float(std::string& out, const DTypeInfo& row, const std::byte* bytes, Style style) {
  switch (row.dtype) {
    case DType::float32:
      return append_real(out, bits_as<float>(bytes), style);
    case DType::float64:
      return append_real(out, bits_as<double>(bytes), style);
    case DType::longdouble:
      return append_real(out, decode_longdouble(bytes), style);
    default: {
      const auto code = static_cast<unsigned>(little_endian(bytes, row.bytes));
      return append_real(out, decode_small_float(row.dtype, code), style);
    }
  }
}

}  // namespace

void append_value(std::string& out, DType dtype, const std::byte* bytes, Style style) {
  const DTypeInfo& row = info(dtype);
  switch (row.kind) {
    case DTypeKind::boolean:
      out += bytes[0] == std::byte{0} ? "false" : "true";
      return;
    case DTypeKind::signed_integer: {
      const std::uint64_t bits = little_endian(bytes, row.bytes) << (64 - row.bits);
      append_number(out, static_cast<std::int64_t>(bits) >> (64 - row.bits));
      return;
    }
    case DTypeKind::unsigned_integer:
      append_number(out, little_endian(bytes, row.bytes) << (64 - row.bits) >> (64 - row.bits));
      return;
    case DTypeKind::real:
      append_float(out, row, bytes, style);
      return;
    case DTypeKind::complex:
      if (dtype == DType::complex64)
        append_complex<float>(out, bytes, style);
      else
        append_complex<double>(out, bytes, style);
      return;
    case DTypeKind::string:
    case DTypeKind::opaque:
      break;
  }
  throw Error(ErrorCode::internal, "dtype", "elements of this dtype have no fixed size");
}

void append_string(std::string& out, std::string_view element, Style style, std::size_t limit) {
  if (style == Style::json) {
    append_json_bytes(out, element);
    return;
  }
  out += '"';
  out += printable(element, limit);
  out += '"';
}

}  // namespace tensorferry::cli
