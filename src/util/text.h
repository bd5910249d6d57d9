// Text encodings that several formats share.
#pragma once

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tensorferry {

/// Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);
bool is_ascii(std::string_view text);
/// ASCII letters only.
std::string lower(std::string_view text);

/// RFC 4648 with padding. base64_decode throws Error(corrupt) for anything else.
std::string base64_encode(std::string_view bytes);
std::string base64_decode(std::string_view text);

/// `%XX` (upper-case hex) for each byte that `keep` refuses, and for `%` itself; percent_decode
/// throws Error(corrupt).
std::string percent_encode(std::string_view text, bool (*keep)(unsigned char));
std::string percent_decode(std::string_view text);

/// Of `candidates`, those within a small edit distance of `word`, nearest first, at most `most`.
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates,
                                 std::size_t most = 1);

/// The digits of a number, without a string.
class Decimal {
 public:
  explicit Decimal(std::uint64_t number)
      : end_(std::to_chars(digits_, digits_ + sizeof digits_, number).ptr) {}
  Decimal(const Decimal&) = delete;
  Decimal& operator=(const Decimal&) = delete;
  operator std::string_view() const { return {digits_, static_cast<std::size_t>(end_ - digits_)}; }

 private:
  char digits_[20];
  const char* end_;
};

/// Appends one after the other.
inline void append(std::string& out, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) out += part;
}
/// Appends "2, 3", with `separator` in between.
void append_extents(std::string& out, std::span<const std::uint64_t> shape,
                    std::string_view separator);

/// "a, b and 3 more": printable names, at most `most` of them.
std::string join_names(const std::vector<std::string>& names, std::size_t most = 20);

}  // namespace tensorferry
