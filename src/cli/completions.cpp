#include "completions.h"

#include <algorithm>

#include "tensorferry/error.h"
#include "tensorferry/format.h"

namespace tensorferry::cli {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(at, begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

/// "-j --threads"
std::vector<std::string> spellings(const OptionDef& option) {
  std::vector<std::string> all;
  if (const std::string name = short_name(option); !name.empty()) all.push_back("-" + name);
  all.push_back("--" + long_name(option));
  return all;
}

std::vector<std::string> names_of(const std::vector<Command>& commands) {
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const Command& command : commands) names.emplace_back(command.name);
  return names;
}

/// Between single quotes; `quote` is how the shell writes one inside of them.
std::string quoted(std::string_view text, std::string_view quote) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'')
      result += quote;
    else
      result += c;
  }
  return result + "'";
}

// ---- bash ----

/// The shell's words for what completes a value: sets `words`, `list` or `files`.
std::string bash_action(const Candidates& candidates) {
  std::string text;
  if (!candidates.words.empty()) text += " words='" + joined(candidates.words) + "'";
  if (candidates.list) text += " list=yes";
  if (candidates.files) text += " files='file'";
  if (candidates.folders) text += " files='directory'";
  return text;
}

std::string bash_command(const Command& command, const std::vector<Command>& commands) {
  std::vector<std::string> options;
  std::string values;
  for (const OptionGroup& group : all_groups(command.syntax)) {
    for (const OptionDef& option : group.options) {
      const std::vector<std::string> names = spellings(option);
      options.insert(options.end(), names.begin(), names.end());
      if (option.value == nullptr) continue;
      std::string pattern;
      for (const std::string& name : names)
        pattern.append(pattern.empty() ? "" : " | ").append(name);
      const std::string action = bash_action(candidates_of(option.value, commands));
      values += "        " + pattern + ")" + (action.empty() ? " return" : action) + " ;;\n";
    }
  }
  return "    " + std::string(command.name) + ")\n      options='" + joined(options) +
         "'\n      case $previous in\n" + values + "        *) operand=yes" +
         bash_action(candidates_of(command.syntax.operands, commands)) +
         " ;;\n      esac\n      ;;\n";
}

std::string bash_script(const std::vector<Command>& commands) {
  std::string text =
      "# Completions of tensorferry for bash, written by `tensorferry help --completion bash`.\n"
      "_tensorferry() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
      "  local options='' words='' list='' files='' operand=''\n"
      "  COMPREPLY=()\n"
      "  # bash takes --to=np apart: `--to`, `=`, `np`\n"
      "  if [[ $current == = ]]; then\n"
      "    current=''\n"
      "  elif [[ $previous == = ]] && ((COMP_CWORD > 2)); then\n"
      "    previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
      "  fi\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    words='" +
      joined(names_of(commands)) +
      "' options='--help --version' files='file' operand=yes\n"
      "  else\n"
      "  case ${COMP_WORDS[1]} in\n";
  for (const Command& command : commands) text += bash_command(command, commands);
  return text +
         "    *) files='file' ;;\n"
         "  esac\n"
         "  fi\n"
         "  local before=''\n"
         "  if [[ -n $list && $current == *,* ]]; then\n"
         "    before=${current%,*},\n"
         "    current=${current##*,}\n"
         "  fi\n"
         "  if [[ -n $operand && $current == -* ]]; then words=$options files=''; fi\n"
         "  if [[ -n $words ]]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$words\" -- \"$current\")\n"
         "  fi\n"
         "  if [[ -n $files ]]; then\n"
         "    local found\n"
         "    mapfile -t found < <(compgen -A \"$files\" -- \"$current\")\n"
         "    COMPREPLY+=(\"${found[@]}\")\n"
         "    compopt -o filenames 2>/dev/null || true\n"
         "  fi\n"
         "  return 0\n"
         "}\n"
         "complete -F _tensorferry tensorferry\n";
}

// ---- zsh ----

constexpr std::string_view kZshQuote = "'\\''";

/// Text inside the brackets or before the colon of a specification of _arguments.
std::string zsh_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (contains("[]:\\", std::string_view(&c, 1))) result += '\\';
    result += c;
  }
  return result;
}

std::string zsh_action(const Candidates& candidates) {
  if (candidates.list) return "_sequence compadd - " + joined(candidates.words);
  if (!candidates.words.empty()) return "(" + joined(candidates.words) + ")";
  if (candidates.folders) return "_files -/";
  return candidates.files ? "_files" : " ";
}

std::string zsh_command(const Command& command, const std::vector<Command>& commands) {
  std::string text = "    " + std::string(command.name) + ")\n      _arguments -s -S";
  for (const OptionGroup& group : all_groups(command.syntax)) {
    for (const OptionDef& option : group.options) {
      for (const std::string& name : spellings(option)) {
        std::string spec = "*" + name;
        if (option.value != nullptr) spec += name.starts_with("--") ? "=" : "+";
        spec += "[" + zsh_text(option.help) + "]";
        if (option.value != nullptr)
          spec += ":" + zsh_text(option.value) + ":" +
                  zsh_action(candidates_of(option.value, commands));
        text += " \\\n        " + quoted(spec, kZshQuote);
      }
    }
  }
  const std::string operands = zsh_action(candidates_of(command.syntax.operands, commands));
  return text + " \\\n        " + quoted("*:operand:" + operands, kZshQuote) + "\n      ;;\n";
}

std::string zsh_script(const std::vector<Command>& commands) {
  std::string text =
      "#compdef tensorferry\n"
      "# Completions of tensorferry for zsh, written by `tensorferry help --completion zsh`.\n"
      "_tensorferry() {\n"
      "  local -a commands=(\n";
  for (const Command& command : commands) {
    text += "    " +
            quoted(std::string(command.name) + ":" + zsh_text(command.summary), kZshQuote) + "\n";
  }
  text +=
      "  )\n"
      "  if ((CURRENT == 2)); then\n"
      "    _describe -t commands command commands\n"
      "    _files\n"
      "    return\n"
      "  fi\n"
      "  local command=$words[2]\n"
      "  shift words\n"
      "  ((CURRENT--))\n"
      "  case $command in\n";
  for (const Command& command : commands) text += zsh_command(command, commands);
  return text +
         "    *) _files ;;\n"
         "  esac\n"
         "}\n"
         "if [[ $funcstack[1] == _tensorferry ]]; then\n"
         "  _tensorferry \"$@\"\n"
         "else\n"
         "  compdef _tensorferry tensorferry\n"
         "fi\n";
}

// ---- fish ----

constexpr std::string_view kFishQuote = "\\'";

std::string fish_quoted(std::string_view text) {
  std::string doubled;
  for (const char c : text) doubled += c == '\\' ? std::string("\\\\") : std::string(1, c);
  return quoted(doubled, kFishQuote);
}

std::string fish_option(const Command& command, const OptionDef& option,
                        const std::vector<Command>& commands) {
  std::string text = "complete -c tensorferry -n '__fish_seen_subcommand_from " +
                     std::string(command.name) + "' -l " + long_name(option);
  if (const std::string name = short_name(option); !name.empty()) text += " -s " + name;
  if (option.value != nullptr) {
    const Candidates candidates = candidates_of(option.value, commands);
    if (candidates.folders)
      text += " -x -a '(__fish_complete_directories)'";
    else if (candidates.files)
      text += " -r";
    else if (candidates.words.empty())
      text += " -x";
    else if (candidates.list)
      text += " -x -a " + fish_quoted("(__fish_complete_list , \"printf %s\\\\n " +
                                      joined(candidates.words) + "\")");
    else
      text += " -x -a " + fish_quoted(joined(candidates.words));
  }
  return text + " -d " + fish_quoted(option.help) + "\n";
}

std::string fish_script(const std::vector<Command>& commands) {
  std::string text =
      "# Completions of tensorferry for fish, written by `tensorferry help --completion fish`.\n"
      "complete -c tensorferry -n __fish_use_subcommand -l version -d 'Print the version'\n";
  for (const Command& command : commands) {
    text += "complete -c tensorferry -n __fish_use_subcommand -a " + std::string(command.name) +
            " -d " + fish_quoted(command.summary) + "\n";
  }
  for (const Command& command : commands) {
    const Candidates operands = candidates_of(command.syntax.operands, commands);
    if (!operands.words.empty()) {
      text += "complete -c tensorferry -n '__fish_seen_subcommand_from " +
              std::string(command.name) + "' -f -a " + fish_quoted(joined(operands.words)) + "\n";
    }
    for (const OptionGroup& group : all_groups(command.syntax))
      for (const OptionDef& option : group.options) text += fish_option(command, option, commands);
  }
  return text;
}

}  // namespace

Candidates candidates_of(std::string_view value, const std::vector<Command>& commands) {
  Candidates result;
  if (value.starts_with("FORMAT") || value.starts_with("[FORMAT]")) {
    for (const Format& format : Registry::global().formats())
      result.words.emplace_back(format.name);
    result.list = contains(value, ",FORMAT");
  } else if (value.starts_with("[COMMAND]")) {
    result.words = names_of(commands);
  } else if (contains(value, "|") && !contains(value, " ")) {
    result.words = split(value, '|');
  } else if (value == "FOLDER" || value == "DIR") {
    result.folders = true;
  } else if (value.starts_with("FILE") || contains(value, " ")) {  // with a blank: operands
    result.files = true;
  }
  return result;
}

std::string completion_script(std::string_view shell, const std::vector<Command>& commands) {
  if (shell == "bash") return bash_script(commands);
  if (shell == "zsh") return zsh_script(commands);
  if (shell == "fish") return fish_script(commands);
  throw Error(ErrorCode::usage, "bad_value",
              "--completion: " + printable(shell) + " is none of bash, zsh and fish");
}

}  // namespace tensorferry::cli
