// JSON from untrusted bytes, event by event: for documents whose tree would not fit the memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tensorferry {

/// What stands in the text, in its order. A function may throw; that ends the parsing.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual void null() = 0;
  virtual void boolean(bool value) = 0;
  virtual void number(std::uint64_t value) = 0;   ///< digits only, up to 2^64 - 1
  virtual void negative(std::int64_t value) = 0;  ///< digits behind a minus; also "-0"
  virtual void real(double value) = 0;          ///< with a fraction or exponent, or beyond 64 bits
  virtual void string(std::string& value) = 0;  ///< UTF-8; may be moved from
  virtual void key(std::string& name) = 0;      ///< of the value that follows; may be moved from
  virtual void begin_object() = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
};

/// Throws Error(corrupt.json) for malformed text, invalid UTF-8, a BOM, NUL, trailing bytes and
/// nesting above `depth`. Keys that stand twice are left to `events`. Memory: one string or key.
void parse_json(std::string_view text, std::size_t depth, JsonEvents& events);

}  // namespace tensorferry
