#include <algorithm>
#include <locale>
#include <memory>
#include <regex>

#include "core/glob.h"
#include "tensorferry/manifest.h"
#include "util/text.h"

namespace tensorferry {
namespace {

// The standard library's matcher recurses several times for each byte of the name: with sanitizers
// a few KiB of name overflow the stack.
constexpr std::size_t kMostRegexBytes = 1024;

class Expression {
 public:
  explicit Expression(const std::string& pattern) : pattern_(pattern) {
    if (pattern.size() > kMostRegexBytes)
      refuse("it is longer than " + std::to_string(kMostRegexBytes) + " bytes");
    try {
      regex_.imbue(std::locale::classic());
      regex_.assign(pattern, std::regex::ECMAScript | std::regex::optimize);
    } catch (const std::regex_error& problem) {
      refuse(problem.what());
    }
  }

  bool matches(const std::string& name) const {
    if (name.size() > kMostRegexBytes) {
      throw Error(ErrorCode::usage, "bad_regex",
                  "names of more than " + std::to_string(kMostRegexBytes) +
                      " bytes cannot be matched by regular expressions; use globs")
          .in_tensor(name);
    }
    try {
      return std::regex_search(name, regex_);
    } catch (const std::regex_error& problem) {
      refuse(problem.what());
    }
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ErrorCode::usage, "bad_regex",
                "regular expression \"" + printable(pattern_) + "\": " + why);
  }

  std::string pattern_;
  std::regex regex_;
};

// Patterns of one kind, any of which may match.
class Patterns {
 public:
  Patterns(const std::vector<std::string>& texts, bool regex) {
    for (const std::string& text : texts) {
      if (regex) {
        expressions_.emplace_back(text);
      } else {
        globs_.emplace_back(text);
      }
    }
  }

  bool empty() const { return globs_.empty() && expressions_.empty(); }
  bool any(const std::string& name) const {
    return std::any_of(globs_.begin(), globs_.end(),
                       [&](const Glob& glob) { return glob.matches(name); }) ||
           std::any_of(expressions_.begin(), expressions_.end(),
                       [&](const Expression& expression) { return expression.matches(name); });
  }

 private:
  std::vector<Glob> globs_;
  std::vector<Expression> expressions_;
};

bool in_scope(std::string_view name, std::string_view scope) {
  while (!scope.empty() && scope.back() == '/') scope.remove_suffix(1);
  return name.substr(0, scope.size()) == scope &&
         (name.size() == scope.size() || name[scope.size()] == '/');
}

struct Chosen {
  Patterns include, exclude;
  std::vector<std::string> scope;

  bool contains(const std::string& name) const {
    if (!scope.empty() && std::none_of(scope.begin(), scope.end(), [&](const std::string& one) {
          return in_scope(name, one);
        })) {
      return false;
    }
    return (include.empty() || include.any(name)) && !exclude.any(name);
  }
};

}  // namespace

Edit select(Selection selection) {
  const auto chosen = std::make_shared<const Chosen>(Chosen{{selection.include, selection.regex},
                                                            {selection.exclude, selection.regex},
                                                            std::move(selection.scope)});
  return [chosen](Manifest manifest) {
    std::erase_if(manifest.tensors,
                  [&](const Tensor& tensor) { return !chosen->contains(tensor.name); });
    return manifest;
  };
}

Edit drop_bookkeeping() {
  return [](Manifest manifest) {
    std::vector<std::string> names;
    for (const Tensor& tensor : manifest.tensors) {
      if (tensor.bookkeeping) names.push_back(tensor.name);
    }
    if (names.empty()) return manifest;
    std::erase_if(manifest.tensors, [](const Tensor& tensor) { return tensor.bookkeeping; });
    constexpr std::size_t kMostNames = 5;
    manifest.notes.push_back({"bookkeeping.left_out", std::to_string(names.size()) +
                                                          " that are not weights are left out: " +
                                                          join_names(names, kMostNames) +
                                                          " (--bookkeeping keeps them)"});
    return manifest;
  };
}

}  // namespace tensorferry
