#include <algorithm>
#include <charconv>
#include <limits>

#include "tensorferry/error.h"
#include "tensorferry/format.h"
#include "util/text.h"

namespace tensorferry {
namespace {

[[noreturn]] void bad_value(std::string_view what, std::string_view text,
                            std::string_view expected) {
  throw Error(ErrorCode::usage, "bad_option",
              std::string(what) + ": \"" + printable(text) + "\" is not " + std::string(expected));
}

// The canonical text of a boolean; empty for anything else.
std::string_view boolean_word(std::string_view text) {
  for (std::string_view word : {"true", "yes", "on", "1"}) {
    if (text == word) return "true";
  }
  for (std::string_view word : {"false", "no", "off", "0"}) {
    if (text == word) return "false";
  }
  return {};
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc() || rest != end) return std::nullopt;
  return value;
}

// Nothing when it is not an amount of bytes, or more than 2^63 - 1.
std::optional<std::uint64_t> parse_amount(std::string_view text) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::size_t kMostDecimals = 6;  // 10^6 x 2^40 stays below 2^63
  const char* end = text.data() + text.size();
  std::uint64_t whole = 0;
  const auto [point, failure] = std::from_chars(text.data(), end, whole);
  if (failure != std::errc()) return std::nullopt;
  std::string_view rest(point, static_cast<std::size_t>(end - point));
  std::uint64_t fraction = 0, scale = 1;
  if (!rest.empty() && rest[0] == '.') {
    std::size_t digits = 1;
    for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9'; ++digits) {
      fraction = fraction * 10 + static_cast<std::uint64_t>(rest[digits] - '0');
      scale *= 10;
      if (digits > kMostDecimals) return std::nullopt;
    }
    if (digits == 1) return std::nullopt;
    rest.remove_prefix(digits);
  }
  std::uint64_t unit = 1;
  if (!rest.empty()) {
    const std::size_t power = std::string_view("KMGTkmgt").find(rest[0]);
    if (power == std::string_view::npos) return std::nullopt;
    unit <<= 10 * (power % 4 + 1);
    rest.remove_prefix(1);
    if (!rest.empty() && rest != "iB") return std::nullopt;
  }
  if (unit == 1 && scale != 1) return std::nullopt;
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(whole, unit, &bytes) ||
      __builtin_add_overflow(bytes, fraction * unit / scale, &bytes) || bytes > kMost) {
    return std::nullopt;
  }
  return bytes;
}

// The value as it is kept: checked, and of one spelling.
std::string checked_value(const OptionSpec& spec, const std::string& text) {
  const std::string what = "option " + std::string(spec.name);
  switch (spec.kind) {
    case OptionSpec::Kind::text:
      break;
    case OptionSpec::Kind::integer:
      if (!parse_integer(text)) bad_value(what, text, "a whole number");
      break;
    case OptionSpec::Kind::boolean:
      if (boolean_word(text).empty()) bad_value(what, text, "true or false");
      return std::string(boolean_word(text));
    case OptionSpec::Kind::bytes:
      if (!parse_amount(text))
        bad_value(what, text, "an amount of bytes such as 4096, 64K or 1.8G");
      break;
    case OptionSpec::Kind::choice:
      if (std::find(spec.choices.begin(), spec.choices.end(), text) == spec.choices.end()) {
        std::string list;
        for (std::string_view choice : spec.choices)
          list += (list.empty() ? "" : ", ") + std::string(choice);
        bad_value(what, text, "one of " + list);
      }
      break;
  }
  return text;
}

[[noreturn]] void unknown_option(std::span<const OptionSpec> specs, const std::string& name) {
  std::vector<std::string> names;
  for (const OptionSpec& spec : specs) names.emplace_back(spec.name);
  std::string message = "there is no option \"" + printable(name) + "\"";
  const std::vector<std::string> near = nearest(name, names);
  if (!near.empty()) message += "; did you mean " + near.front() + "?";
  message += names.empty() ? "; this format has none" : "; known are " + join_names(names);
  throw Error(ErrorCode::usage, "unknown_option", message);
}

template <typename Values>
const std::string& value_of(const Values& values, std::string_view name) {
  const auto found = values.find(name);
  if (found == values.end()) {
    throw Error(ErrorCode::internal, "option",
                "option " + std::string(name) + " was read but is not set");
  }
  return found->second;
}

}  // namespace

Options::Options(std::span<const OptionSpec> specs,
                 const std::map<std::string, std::string>& given) {
  for (const OptionSpec& spec : specs) {
    if (!spec.fallback.empty())
      values_.emplace(spec.name, checked_value(spec, std::string(spec.fallback)));
  }
  for (const auto& option : given) {
    const auto spec = std::find_if(specs.begin(), specs.end(),
                                   [&](const OptionSpec& s) { return s.name == option.first; });
    if (spec == specs.end()) unknown_option(specs, option.first);
    values_.insert_or_assign(option.first, checked_value(*spec, option.second));
  }
}

bool Options::given(std::string_view name) const { return values_.find(name) != values_.end(); }

std::string Options::text(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string() : found->second;
}

std::int64_t Options::integer(std::string_view name) const {
  const std::string& text = value_of(values_, name);
  const auto value = parse_integer(text);
  if (!value) bad_value("option " + std::string(name), text, "a whole number");
  return *value;
}

bool Options::boolean(std::string_view name) const { return value_of(values_, name) == "true"; }

std::uint64_t Options::bytes(std::string_view name) const {
  return parse_bytes(value_of(values_, name));
}

std::uint64_t parse_bytes(std::string_view text) {
  const auto amount = parse_amount(text);
  if (!amount)
    bad_value("amount of bytes", text,
              "digits with an optional K, M, G or T, such as 4096, 64K or 1.8G");
  return *amount;
}

std::string_view to_string(Carrier carrier) {
  switch (carrier) {
    case Carrier::sign_extended:
      return "sx";
    case Carrier::codes:
      return "codes";
    case Carrier::bits:
      return "bits";
    case Carrier::last2:
      return "last2";
    case Carrier::last16:
      return "last16";
    case Carrier::string_pair:
      return "strpair";
    case Carrier::native:
      break;
  }
  return "native";
}

}  // namespace tensorferry
