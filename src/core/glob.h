// Shell-like patterns over tensor names.
#pragma once

#include <bitset>
#include <string_view>
#include <vector>

namespace tensorferry {

/// `*` any bytes, `/` too; `?` one byte; `[a-z]` and `[!a-z]` one byte of a class; `\` takes the
/// next one literally.
class Glob {
 public:
  /// Throws Error(usage.bad_glob) for a class that does not end and a `\` at the end.
  explicit Glob(std::string_view pattern);

  /// The whole name. At worst name x pattern steps.
  bool matches(std::string_view name) const;
  /// Without wildcards: it is one name.
  bool is_literal() const;

 private:
  struct Token {
    bool star = false;
    std::bitset<256> bytes = {};
  };
  std::vector<Token> tokens_;
};

}  // namespace tensorferry
