#include "core/glob.h"

#include <algorithm>
#include <string>

#include "tensorferry/error.h"

namespace tensorferry {
namespace {

using Bytes = std::bitset<256>;

[[noreturn]] void refuse(std::string_view pattern, std::string_view why) {
  throw Error(ErrorCode::usage, "bad_glob",
              "pattern \"" + printable(pattern) + "\": " + std::string(why) +
                  "; write \\[ or \\\\ for the character itself");
}

// The byte at `at`, which a backslash may precede; moves past it.
unsigned char take_byte(std::string_view pattern, std::size_t& at) {
  if (pattern[at] == '\\' && ++at == pattern.size()) refuse(pattern, "it ends in a backslash");
  return static_cast<unsigned char>(pattern[at++]);
}

// `at` stands behind the opening bracket, and afterwards behind the closing one.
Bytes take_class(std::string_view pattern, std::size_t& at) {
  Bytes bytes;
  const bool negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  if (negated) ++at;
  for (bool first = true; at < pattern.size() && (first || pattern[at] != ']'); first = false) {
    const unsigned char low = take_byte(pattern, at);
    unsigned char high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']')
      high = take_byte(pattern, ++at);
    if (low > high) refuse(pattern, "a range runs backwards");
    for (unsigned byte = low; byte <= high; ++byte) bytes.set(byte);
  }
  if (at >= pattern.size()) refuse(pattern, "[ without ]");
  ++at;
  return negated ? ~bytes : bytes;
}

}  // namespace

Glob::Glob(std::string_view pattern) {
  for (std::size_t at = 0; at < pattern.size();) {
    Token token;
    if (pattern[at] == '*') {
      ++at;
      if (!tokens_.empty() && tokens_.back().star) continue;
      token.star = true;
    } else if (pattern[at] == '?') {
      ++at;
      token.bytes.set();
    } else if (pattern[at] == '[') {
      token.bytes = take_class(pattern, ++at);
    } else {
      token.bytes.set(take_byte(pattern, at));
    }
    tokens_.push_back(token);
  }
}

bool Glob::is_literal() const {
  return std::all_of(tokens_.begin(), tokens_.end(),
                     [](const Token& token) { return !token.star && token.bytes.count() == 1; });
}

bool Glob::matches(std::string_view name) const {
  std::size_t token = 0, byte = 0;
  // Where to go on when what follows the last star does not fit: that star takes one byte more.
  std::size_t after_star = 0, star_end = 0;
  bool have_star = false;
  while (byte < name.size()) {
    if (token < tokens_.size() && tokens_[token].star) {
      have_star = true;
      after_star = ++token;
      star_end = byte;
    } else if (token < tokens_.size() &&
               tokens_[token].bytes.test(static_cast<unsigned char>(name[byte]))) {
      ++token;
      ++byte;
    } else if (have_star) {
      token = after_star;
      byte = ++star_end;
    } else {
      return false;
    }
  }
  while (token < tokens_.size() && tokens_[token].star) ++token;
  return token == tokens_.size();
}

}  // namespace tensorferry
