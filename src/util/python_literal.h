// The literals of Python that ast.literal_eval accepts and headers of .npy files use: a parser, no
// evaluation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tensorferry {

struct PythonValue {
  enum class Kind : std::uint8_t { none, boolean, integer, text, bytes, tuple, list, dict };
  Kind kind = Kind::none;
  bool boolean = false;
  bool negative = false;           ///< of an integer
  bool too_large = false;          ///< an integer beyond 64 bits; its value is then not kept
  std::uint64_t integer = 0;       ///< its magnitude
  std::string text;                ///< of text (as UTF-8) and bytes
  std::vector<PythonValue> items;  ///< of a tuple or list; of a dict key, value, key, value, ...
};

/// One value, with blanks, newlines and comments anywhere. Not only the usual forms: prefixes,
/// escapes and implicit concatenation of strings, parentheses around a value, signs, bases and
/// underscores of whole numbers. `python2` allows the suffix L of numbers. Floats, sets and
/// operators are refused, and nesting above 100. Throws Error(corrupt.literal) saying where.
PythonValue parse_python_literal(std::string_view text, bool python2);

}  // namespace tensorferry
