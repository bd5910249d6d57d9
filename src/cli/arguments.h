// The options of a command: declared once, for parsing, --help, the manual page and the completions
// of shells.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tensorferry::cli {

/// One option. All of them may be repeated; of those that hold one value the last one counts.
struct OptionDef {
  const char* names;  ///< "threads" or "j,threads"
  /// What stands for the value in the help; nullptr = a flag. Shells complete words between bars
  /// ("auto|none|json"), FORMAT, a list of them (FORMAT[,FORMAT...]), FILE and FOLDER.
  const char* value;
  const char* help;
};

/// "threads"
std::string long_name(const OptionDef& option);
/// "j", or empty
std::string short_name(const OptionDef& option);

struct OptionGroup {
  const char* title;
  std::span<const OptionDef> options;
};

class Arguments;

/// What a command accepts and what its help says.
struct Syntax {
  std::string_view command;         ///< "ls"; empty = the program itself
  std::string_view operands;        ///< "FILE [NAME...]"
  std::string_view about;           ///< some sentences
  std::size_t least = 0, most = 0;  ///< number of operands
  std::vector<OptionGroup> groups;
  std::string_view examples = {};  ///< lines, each indented by two blanks
  /// What to say of more operands than `most`; none = that there is one too many.
  std::string (*too_many)(std::span<const std::string> operands,
                          const Arguments& arguments) = nullptr;
};

/// "threads" of "j,threads"
std::string long_name(const OptionDef& option);

/// A parsed command line.
class Arguments {
 public:
  using Flags = std::set<std::string, std::less<>>;
  using Values = std::map<std::string, std::vector<std::string>, std::less<>>;

  Arguments() = default;
  /// Options that were given elsewhere, by their long names.
  Arguments(Flags flags, Values values) : flags_(std::move(flags)), values_(std::move(values)) {}
  /// `words` are those behind the command. Throws Error(usage) naming the nearest option, with the
  /// usage line below.
  static Arguments parse(const Syntax& syntax, std::span<const std::string> words);

  bool flag(std::string_view name) const { return flags_.contains(name); }
  std::optional<std::string> value(std::string_view name) const;
  std::vector<std::string> values(std::string_view name) const;
  /// K=V options as a map. Throws Error(usage.bad_option) without a `=` or for a key given twice.
  std::map<std::string, std::string> pairs(std::string_view name) const;
  /// Throw Error(usage.bad_value) naming the option.
  std::optional<std::uint64_t> number(std::string_view name) const;
  std::optional<std::uint64_t> bytes(std::string_view name) const;

  const std::vector<std::string>& operands() const { return operands_; }
  const Flags& flags() const { return flags_; }
  const Values& all_values() const { return values_; }

 private:
  Flags flags_;
  Values values_;
  std::vector<std::string> operands_;
};

/// The groups of a command and the one with --help, which every command has.
std::vector<OptionGroup> all_groups(const Syntax& syntax);

/// "usage: tensorferry ls FILE [options]"
std::string usage_line(const Syntax& syntax);
/// The whole help of a command.
std::string help_text(const Syntax& syntax);

/// Of `candidates` the one that is a small slip away from `word`, or nothing.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace tensorferry::cli
