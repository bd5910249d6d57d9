#include "core/expression.h"

#include <locale>

#include "tensorferry/error.h"

namespace tensorferry {
namespace {

// The standard library's matcher recurses several times for each byte of the name: with sanitizers
// a few KiB of name overflow the stack.
constexpr std::size_t kMostRegexBytes = 1024;

}  // namespace

Expression::Expression(const std::string& pattern) : pattern_(pattern) {
  if (pattern.size() > kMostRegexBytes)
    refuse("it is longer than " + std::to_string(kMostRegexBytes) + " bytes");
  try {
    regex_.imbue(std::locale::classic());
    regex_.assign(pattern, std::regex::ECMAScript | std::regex::optimize);
  } catch (const std::regex_error& problem) {
    refuse(problem.what());
  }
}

bool Expression::matches(const std::string& name) const {
  check_length(name);
  try {
    return std::regex_search(name, regex_);
  } catch (const std::regex_error& problem) {
    refuse(problem.what());
  }
}

std::string Expression::replaced(const std::string& name, const std::string& replacement) const {
  check_length(name);
  try {
    return std::regex_replace(name, regex_, replacement);
  } catch (const std::regex_error& problem) {
    refuse(problem.what());
  }
}

void Expression::check_length(const std::string& name) const {
  if (name.size() <= kMostRegexBytes) return;
  throw Error(ErrorCode::usage, "bad_regex",
              "names of more than " + std::to_string(kMostRegexBytes) +
                  " bytes cannot be matched by regular expressions; use globs or a map")
      .in_tensor(name);
}

void Expression::refuse(const std::string& why) const {
  throw Error(ErrorCode::usage, "bad_regex",
              "regular expression \"" + printable(pattern_) + "\": " + why);
}

}  // namespace tensorferry
