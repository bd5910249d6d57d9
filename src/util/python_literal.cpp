#include "util/python_literal.h"

#include <optional>

#include "tensorferry/error.h"
#include "util/utf8.h"

namespace tensorferry {
namespace {

using Kind = PythonValue::Kind;

constexpr std::size_t kDeepest = 100;  // Python's own limit is 200

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::optional<unsigned> digit_of(char c, unsigned base) {
  unsigned value = base;
  if (is_digit(c)) value = static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') value = static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') value = static_cast<unsigned>(c - 'A') + 10;
  return value < base ? std::optional(value) : std::nullopt;
}

class Parser {
 public:
  Parser(std::string_view text, bool python2) : text_(text), python2_(python2) {}

  PythonValue parse() {
    PythonValue result = value();
    skip();
    if (at_ < text_.size()) fail("something stands behind the value");
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::corrupt, "literal",
                why + ", at character " + std::to_string(at_) + " of the header");
  }

  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool take(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void skip() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '#') {
        while (at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
      } else if (c == '\\' && peek(1) == '\n' && at_ + 2 < text_.size()) {
        ++at_;
      } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f') {
        return;
      }
    }
  }

  PythonValue value() {
    skip();
    const char c = peek();
    if (c == '(') return parenthesised();
    if (c == '[') return nested(Kind::list, '[', ']');
    if (c == '{') return nested(Kind::dict, '{', '}');
    if (c == '+' || c == '-' || is_digit(c)) return number();
    if (c == '\'' || c == '"' || is_string_prefix()) return strings();
    return word();
  }

  void deeper() {
    if (++depth_ > kDeepest) fail("it is nested too deeply");
  }

  PythonValue parenthesised() {
    deeper();
    take('(');
    PythonValue tuple;
    tuple.kind = Kind::tuple;
    bool comma = true;
    while (!take(')')) {
      if (!comma) fail("a comma or ) is missing");
      tuple.items.push_back(value());
      comma = take(',');
    }
    --depth_;
    if (tuple.items.size() == 1 && !comma) {
      PythonValue inner = std::move(tuple.items[0]);
      return inner;
    }
    return tuple;
  }

  PythonValue nested(Kind kind, char open, char close) {
    deeper();
    take(open);
    PythonValue result;
    result.kind = kind;
    bool comma = true;
    while (!take(close)) {
      if (!comma) fail(std::string("a comma or ") + close + " is missing");
      result.items.push_back(value());
      if (kind == Kind::dict) {
        if (!take(':')) fail("a key without a value");
        result.items.push_back(value());
      }
      comma = take(',');
    }
    --depth_;
    return result;
  }

  PythonValue number() {
    PythonValue result;
    result.kind = Kind::integer;
    if (peek() == '+' || peek() == '-') {
      result.negative = peek() == '-';
      ++at_;
      skip();
    }
    unsigned base = 10;
    if (peek() == '0') {
      const char letter = static_cast<char>(peek(1) | 0x20);
      if (letter == 'x') base = 16;
      if (letter == 'o') base = 8;
      if (letter == 'b') base = 2;
      if (base != 10) at_ += 2;
    }
    const std::size_t start = at_;
    std::size_t digits = 0;
    for (bool underscore = false;; ++at_) {
      const auto digit = digit_of(peek(), base);
      if (!digit) {
        if (peek() == '_' && !underscore && (digits > 0 || base != 10)) {
          underscore = true;
          continue;
        }
        if (underscore) fail("a number ends in an underscore");
        break;
      }
      underscore = false;
      ++digits;
      result.too_large = result.too_large ||
                         __builtin_mul_overflow(result.integer, base, &result.integer) ||
                         __builtin_add_overflow(result.integer, *digit, &result.integer);
    }
    if (digits == 0) fail("a number without digits");
    const bool zero = result.integer == 0 && !result.too_large;
    if (base == 10 && text_[start] == '0' && !zero) fail("a number begins with 0");
    if (python2_ && peek() == 'L') ++at_;
    if (is_word(peek()) || peek() == '.') fail("only whole numbers are expected");
    return result;
  }

  bool is_string_prefix() const {
    std::size_t length = 0;
    while (length < 2 && std::string_view("uUbBrR").find(peek(length)) != std::string_view::npos &&
           peek(length) != '\0') {
      ++length;
    }
    return length > 0 && (peek(length) == '\'' || peek(length) == '"');
  }

  /// One or more that stand behind one another.
  PythonValue strings() {
    PythonValue result;
    result.kind = Kind::none;
    while (true) {
      std::string prefix;
      while (peek() != '\'' && peek() != '"') prefix += static_cast<char>(text_[at_++] | 0x20);
      if (prefix == "uu" || prefix == "bb" || prefix == "rr" || prefix == "ub" || prefix == "bu" ||
          prefix == "ur" || prefix == "ru") {
        fail("there is no such prefix of a string");
      }
      const bool bytes = prefix.find('b') != std::string::npos;
      const Kind kind = bytes ? Kind::bytes : Kind::text;
      if (result.kind != Kind::none && result.kind != kind) fail("bytes and text are mixed");
      result.kind = kind;
      string_body(prefix.find('r') != std::string::npos, bytes, result.text);
      skip();
      if (peek() != '\'' && peek() != '"' && !is_string_prefix()) return result;
    }
  }

  void string_body(bool raw, bool bytes, std::string& out) {
    const char quote = text_[at_];
    const bool triple = peek(1) == quote && peek(2) == quote;
    at_ += triple ? 3 : 1;
    while (true) {
      if (at_ >= text_.size()) fail("a string does not end");
      const char c = text_[at_];
      if (c == quote && (!triple || (peek(1) == quote && peek(2) == quote))) {
        at_ += triple ? 3 : 1;
        return;
      }
      if (c == '\n' && !triple) fail("a string does not end in its line");
      ++at_;
      if (c != '\\') {
        out += c;
      } else if (raw) {
        out += c;
        if (at_ < text_.size()) out += text_[at_++];
      } else {
        escape(bytes, out);
      }
    }
  }

  void escape(bool bytes, std::string& out) {
    if (at_ >= text_.size()) fail("a string does not end");
    const char c = text_[at_++];
    constexpr std::string_view kFrom = "\\'\"abfnrtv", kTo = "\\'\"\a\b\f\n\r\t\v";
    if (const std::size_t found = kFrom.find(c); found != std::string_view::npos) {
      out += kTo[found];
    } else if (c >= '0' && c <= '7') {
      --at_;
      put(code(8, 1, 3), bytes, out);
    } else if (c == 'x') {
      put(code(16, 2, 2), bytes, out);
    } else if (c == 'u' && !bytes) {
      put(code(16, 4, 4), bytes, out);
    } else if (c == 'U' && !bytes) {
      put(code(16, 8, 8), bytes, out);
    } else if (c != '\n') {
      if (c == 'N' && !bytes) fail("characters by name are not read");
      out += '\\';
      out += c;
    }
  }

  std::uint32_t code(unsigned base, std::size_t least, std::size_t most) {
    std::uint64_t result = 0;
    std::size_t digits = 0;
    for (; digits < most; ++digits, ++at_) {
      const auto digit = digit_of(peek(), base);
      if (!digit) break;
      result = result * base + *digit;
    }
    if (digits < least || result > 0x10FFFF) fail("an escape of no character");
    return static_cast<std::uint32_t>(result);
  }

  static void put(std::uint32_t code, bool bytes, std::string& out) {
    if (bytes) {
      out += static_cast<char>(code & 255);
    } else {
      append_code_point(out, code);
    }
  }

  PythonValue word() {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    const std::string_view name = text_.substr(start, at_ - start);
    PythonValue result;
    if (name == "None") return result;
    if (name == "True" || name == "False") {
      result.kind = Kind::boolean;
      result.boolean = name == "True";
      return result;
    }
    at_ = start;
    if (at_ >= text_.size()) fail("it ends where a value is expected");
    fail(name.empty() ? "a value is expected" : "\"" + printable(name, 40) + "\" is no literal");
  }

  std::string_view text_;
  bool python2_;
  std::size_t at_ = 0, depth_ = 0;
};

}  // namespace

PythonValue parse_python_literal(std::string_view text, bool python2) {
  return Parser(text, python2).parse();
}

}  // namespace tensorferry
