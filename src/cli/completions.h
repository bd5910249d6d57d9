// What shells complete: commands, options, formats, words that a value may be, files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "commands.h"

namespace tensorferry::cli {

/// A script for "bash", "zsh" or "fish". Throws Error(usage.bad_value) for another shell.
std::string completion_script(std::string_view shell, const std::vector<Command>& commands);

/// What may stand for a value (OptionDef::value) or for operands (Syntax::operands).
struct Candidates {
  std::vector<std::string> words;  ///< these
  bool list = false;               ///< several of them, comma-separated
  bool files = false, folders = false;
};
Candidates candidates_of(std::string_view value, const std::vector<Command>& commands);

}  // namespace tensorferry::cli
