// A regular expression over names, with the bounds that the standard library's matcher needs.
#pragma once

#include <regex>
#include <string>

namespace tensorferry {

/// ECMAScript, independent of the locale. Immutable and thread-safe.
class Expression {
 public:
  /// Throws Error(usage.bad_regex).
  explicit Expression(const std::string& pattern);

  const std::string& text() const { return pattern_; }

  /// Whether it matches somewhere. Both throw Error(usage.bad_regex) for names above 1 KiB.
  bool matches(const std::string& name) const;
  /// Every match replaced; $1 and $& stand for its parts.
  std::string replaced(const std::string& name, const std::string& replacement) const;

 private:
  [[noreturn]] void refuse(const std::string& why) const;
  void check_length(const std::string& name) const;

  std::string pattern_;
  std::regex regex_;
};

}  // namespace tensorferry
