// Elements as text, for people and for JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tensorferry/dtype.h"

namespace tensorferry::cli {

enum class Style : unsigned char {
  text,  ///< true, -3, 0.5, nan, inf, 1.0+2.0j
  json,  ///< the same as JSON: NaN and Infinity as strings, complex numbers as [re, im]
};

/// Appends the element at `bytes`, info(dtype).bytes of them in the representation (little-endian,
/// sub-byte types in the low bits). Integers are exact; of floating-point numbers the fewest digits
/// that give the same value back (of types of 16 bits and fewer: as a float32). Only for fixed-size
/// dtypes.
void append_value(std::string& out, DType dtype, const std::byte* bytes, Style style);

/// Appends one element of dtype string. As text: in double quotes, control characters escaped, cut
/// at `limit` bytes (0 = never). As JSON: a string, or {"base64": ...} when it is not UTF-8.
void append_string(std::string& out, std::string_view element, Style style, std::size_t limit = 0);

}  // namespace tensorferry::cli
