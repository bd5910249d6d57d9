// The commands: one file each.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arguments.h"

namespace tensorferry::cli {

struct Command {
  std::string_view name, summary;
  Syntax syntax;
  /// The exit code. Throws Error.
  int (*run)(const Arguments& arguments);
};

Command convert_command();
Command batch_command();
Command ls_command();
Command info_command();
Command print_command();
Command hash_command();
Command diff_command();
Command stats_command();
Command verify_command();
Command roundtrip_command();
Command inject_command();
Command formats_command();
Command help_command();

/// In the order of the overview.
std::vector<Command> all_commands();
/// The command of that name.
std::optional<Command> find_command(std::string_view name);
/// Throws Error(usage.unknown_command) with the nearest one.
[[noreturn]] void unknown_command(std::string_view word);

/// What the program says without a command.
std::string overview(const std::vector<Command>& commands);

}  // namespace tensorferry::cli
