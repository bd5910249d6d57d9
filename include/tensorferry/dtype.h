// The logical element types, one table for all formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/export.h"

namespace TENSORFERRY_API tensorferry {

/// A logical element type. Sub-byte types take one byte an element in the representation: the bit
/// pattern in the low bits, the upper bits zero.
enum class DType : std::uint8_t {
  boolean,
  int2,
  int4,
  int8,
  int16,
  int32,
  int64,
  uint2,
  uint4,
  uint8,
  uint16,
  uint32,
  uint64,
  float4_e2m1fn,
  float6_e2m3fn,
  float6_e3m2fn,
  float8_e4m3fn,
  float8_e4m3fnuz,
  float8_e4m3b11fnuz,
  float8_e5m2,
  float8_e5m2fnuz,
  float8_e8m0fnu,
  float16,
  bfloat16,
  float32,
  float64,
  longdouble,
  complex64,
  complex128,
  qint8,
  quint8,
  qint16,
  quint16,
  qint32,
  string,    ///< arbitrary bytes of any length
  variant,   ///< bytes that only their own framework can interpret
  resource,  ///< a handle, no bytes at all
  unknown,   ///< a code that this version does not know; the tensor's problem names it
};

enum class DTypeKind : std::uint8_t {
  boolean,
  signed_integer,
  unsigned_integer,
  real,
  complex,
  string,
  opaque
};

/// One row of the table.
struct DTypeInfo {
  DType dtype;
  std::string_view name;  ///< canonical name, as in numpy, ml_dtypes and TensorFlow
  DTypeKind kind;
  std::uint32_t bits;   ///< meaningful bits of an element; 0 for string and opaque
  std::uint32_t bytes;  ///< bytes of an element in the representation; 0 for string and opaque
  std::uint32_t
      component_bytes;  ///< the unit that byte order applies to (half of a complex number)
};

/// The row of `dtype`. Never fails.
const DTypeInfo& info(DType dtype);
/// All rows, in the order of the enumeration.
std::span<const DTypeInfo> all_dtypes();
/// The canonical name; "?" for DType::unknown.
std::string_view to_string(DType dtype);
/// True for types whose elements have a fixed number of bytes.
bool is_fixed_size(DType dtype);
/// True for bool, integer, real and complex types: what casts take.
bool is_number(DType dtype);

/// A canonical name, or nothing.
std::optional<DType> dtype_from_name(std::string_view name);

/// A dtype as a person or a manifest writes it: a canonical name, or a numpy descr such as `<f4`,
/// whose byte order comes with it. Ambiguous words (`float`, `half`, `V2`) throw Error(unsupported)
/// with the list.
struct ParsedDType {
  DType dtype;
  std::optional<bool> big_endian;
};
ParsedDType parse_dtype(std::string_view text);

/// Extents, outermost first. Empty = a scalar.
using Shape = std::vector<std::uint64_t>;

/// The number of elements. Throws Error(corrupt) when the product of the non-zero extents exceeds
/// 2^63 - 1, whatever the order of the extents and even when another one is zero.
std::uint64_t element_count(const Shape& shape);
/// Checked a * b and a + b; throw Error(corrupt) above 2^63 - 1.
std::uint64_t checked_multiply(std::uint64_t a, std::uint64_t b);
std::uint64_t checked_add(std::uint64_t a, std::uint64_t b);
/// "[2, 3]"; "[]" for a scalar.
std::string to_string(const Shape& shape);

/// How the elements of a tensor lie in bytes, where that differs from the representation.
enum class Codec : std::uint8_t {
  plain,          ///< as in the representation: one element each info(dtype).bytes
  sign_extended,  ///< int2 and int4 as an int8 with the same value
  packed,  ///< sub-byte elements without gaps, the first in the lowest bits; the tail zero-padded
};

/// Bytes of `elements` elements in that form. Fixed-size dtypes only.
std::uint64_t encoded_bytes(DType dtype, Codec codec, std::uint64_t elements);

}  // namespace tensorferry
