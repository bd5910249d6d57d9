// One strict UTF-8 decoder, and one encoder, for everything that looks at text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tensorferry {

/// A decoded character; length 0 = the bytes are not UTF-8 (or there are none).
struct Utf8Char {
  std::uint32_t value = 0;
  std::size_t length = 0;
};

/// The character at the front of `text`. Refuses overlong forms, surrogates and what is above
/// U+10FFFF.
Utf8Char decode_utf8(std::string_view text);

/// The bytes of the number as UTF-8 has them for characters; it is below 0x110000. Of a surrogate
/// they are no UTF-8.
void append_code_point(std::string& out, std::uint32_t code);

}  // namespace tensorferry
