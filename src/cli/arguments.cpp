#include "arguments.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "tensorferry/error.h"
#include "tensorferry/format.h"

// values such as shape=784,128 and globs hold commas: the library must not split at them
#define CXXOPTS_VECTOR_DELIMITER '\0'
// Its regular expressions would be a large part of what starting costs.
#define CXXOPTS_NO_REGEX true
#include <cxxopts.hpp>

namespace tensorferry::cli {
namespace {

constexpr std::string_view kProgram = "tensorferry";
constexpr const char* kOperands = "operands-of-the-command";
constexpr std::size_t kHelpWidth = 100;

constexpr OptionDef kHelp[] = {{"h,help", nullptr, "Print this text"}};

std::vector<std::string> spellings(const Syntax& syntax) {
  std::vector<std::string> all;
  for (const OptionGroup& group : all_groups(syntax))
    for (const OptionDef& option : group.options) all.push_back("--" + long_name(option));
  return all;
}

std::string invocation(const Syntax& syntax) {
  std::string text(kProgram);
  if (!syntax.command.empty()) text.append(" ").append(syntax.command);
  return text;
}

cxxopts::Options declare(const Syntax& syntax) {
  cxxopts::Options options(invocation(syntax), std::string(syntax.about) + "\n");
  options.set_width(kHelpWidth);
  options.positional_help("").custom_help(std::string(syntax.operands));
  for (const OptionGroup& group : all_groups(syntax)) {
    auto add = options.add_options(group.title);
    for (const OptionDef& option : group.options) {
      if (option.value == nullptr)
        add(option.names, option.help);
      else
        add(option.names, option.help, cxxopts::value<std::vector<std::string>>(), option.value);
    }
  }
  options.add_options("")(kOperands, "", cxxopts::value<std::vector<std::string>>());
  options.parse_positional(kOperands);
  return options;
}

[[noreturn]] void fail(const Syntax& syntax, std::string_view detail, std::string message) {
  message.append("\n").append(usage_line(syntax)).append("\nmore: ").append(invocation(syntax));
  message.append(" --help");
  throw Error(ErrorCode::usage, detail, std::move(message));
}

// cxxopts says what is wrong only in its text: the word stands between its quotes
std::string quoted_word(std::string_view text) {
  const std::size_t begin = text.find(cxxopts::LQUOTE);
  const std::size_t end = text.rfind(cxxopts::RQUOTE);
  if (begin == std::string_view::npos || end == std::string_view::npos) return {};
  const std::size_t start = begin + cxxopts::LQUOTE.size();
  return end < start ? std::string{} : std::string(text.substr(start, end - start));
}

std::string with_dashes(const std::string& word) {
  if (word.starts_with('-')) return word;
  return (word.size() == 1 ? "-" : "--") + word;
}

[[noreturn]] void unknown_option(const Syntax& syntax, const std::string& word) {
  std::string message = "there is no option " + printable(word);
  const auto names = spellings(syntax);
  if (const auto near = nearest(word.substr(0, word.find('=')), names))
    message += "; did you mean " + *near + "?";
  if (!word.starts_with("--"))
    message += " (for an operand that begins with `-`, write `--` before it)";
  fail(syntax, "unknown_option", std::move(message));
}

}  // namespace

std::string long_name(const OptionDef& option) {
  const std::string_view names = option.names;
  const std::size_t comma = names.find(',');
  return std::string(comma == std::string_view::npos ? names : names.substr(comma + 1));
}

std::string short_name(const OptionDef& option) {
  const std::string_view names = option.names;
  const std::size_t comma = names.find(',');
  return std::string(comma == std::string_view::npos ? "" : names.substr(0, comma));
}

std::vector<OptionGroup> all_groups(const Syntax& syntax) {
  std::vector<OptionGroup> groups = syntax.groups;
  groups.push_back({"Help", kHelp});
  return groups;
}

Arguments Arguments::parse(const Syntax& syntax, std::span<const std::string> words) {
  std::vector<const char*> argv{kProgram.data()};
  for (const std::string& word : words) argv.push_back(word.c_str());

  Arguments arguments;
  try {
    auto options = declare(syntax);
    const auto parsed = options.parse(static_cast<int>(argv.size()), argv.data());
    for (const OptionGroup& group : all_groups(syntax)) {
      for (const OptionDef& option : group.options) {
        const std::string name = long_name(option);
        if (parsed.count(name) == 0) continue;
        if (option.value != nullptr)
          arguments.values_[name] = parsed[name].as<std::vector<std::string>>();
        else if (parsed[name].as<bool>())
          arguments.flags_.insert(name);
      }
    }
    if (arguments.flag("help")) return arguments;
    if (parsed.count(kOperands) != 0)
      arguments.operands_ = parsed[kOperands].as<std::vector<std::string>>();
  } catch (const cxxopts::exceptions::no_such_option& e) {
    unknown_option(syntax, with_dashes(quoted_word(e.what())));
  } catch (const cxxopts::exceptions::invalid_option_syntax& e) {
    unknown_option(syntax, quoted_word(e.what()));
  } catch (const cxxopts::exceptions::missing_argument& e) {
    fail(syntax, "missing_value", with_dashes(quoted_word(e.what())) + " needs a value");
  } catch (const cxxopts::exceptions::exception& e) {
    fail(syntax, "bad_option", printable(e.what()));
  }
  if (arguments.operands_.size() < syntax.least) {
    fail(syntax, "missing_operand",
         syntax.least == 1 ? std::string("a file is missing")
                           : "needs " + std::to_string(syntax.least) + " operands, got " +
                                 std::to_string(arguments.operands_.size()));
  }
  if (arguments.operands_.size() > syntax.most && syntax.too_many != nullptr)
    fail(syntax, "extra_operand", syntax.too_many(arguments.operands_, arguments));
  if (arguments.operands_.size() > syntax.most)
    fail(syntax, "extra_operand",
         "one operand too many: " + printable(arguments.operands_[syntax.most]));
  for (const std::string& operand : arguments.operands_)
    if (operand.empty()) fail(syntax, "empty_operand", "an operand is empty");
  return arguments;
}

std::optional<std::string> Arguments::value(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Arguments::values(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

std::map<std::string, std::string> Arguments::pairs(std::string_view name) const {
  std::map<std::string, std::string> result;
  for (const std::string& text : values(name)) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw Error(ErrorCode::usage, "bad_option",
                  "--" + std::string(name) + " needs NAME=VALUE, not " + printable(text));
    if (!result.emplace(text.substr(0, equals), text.substr(equals + 1)).second)
      throw Error(
          ErrorCode::usage, "bad_option",
          "--" + std::string(name) + " gives " + printable(text.substr(0, equals)) + " twice");
  }
  return result;
}

std::optional<std::uint64_t> Arguments::number(std::string_view name) const {
  const auto text = value(name);
  if (!text) return std::nullopt;
  std::uint64_t result = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, result);
  if (error != std::errc{} || stop != end)
    throw Error(ErrorCode::usage, "bad_value",
                "--" + std::string(name) + " needs a whole number, not " + printable(*text));
  return result;
}

std::optional<std::uint64_t> Arguments::bytes(std::string_view name) const {
  const auto text = value(name);
  if (!text) return std::nullopt;
  try {
    return parse_bytes(*text);
  } catch (const Error& e) {
    throw Error(ErrorCode::usage, "bad_value", "--" + std::string(name) + ": " + e.message());
  }
}

std::string usage_line(const Syntax& syntax) {
  return "usage: " + invocation(syntax) + " " + std::string(syntax.operands);
}

std::string help_text(const Syntax& syntax) {
  std::vector<std::string> titles;
  for (const OptionGroup& group : all_groups(syntax)) titles.emplace_back(group.title);
  std::string text = declare(syntax).help(titles);
  for (std::size_t at; (at = text.find(" \n")) != std::string::npos;) text.erase(at, 1);
  if (!syntax.examples.empty()) text.append("\nExamples:\n").append(syntax.examples);
  return text;
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  const std::string* best = nullptr;
  std::size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < word.size(); ++i) {
      std::size_t diagonal = row[0]++;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        const std::size_t changed = diagonal + (word[i] == candidate[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
      }
    }
    if (best == nullptr || row.back() < best_distance) {
      best = &candidate;
      best_distance = row.back();
    }
  }
  if (best == nullptr || best_distance > 1 + word.size() / 3 || best_distance >= word.size())
    return std::nullopt;
  return *best;
}

}  // namespace tensorferry::cli
