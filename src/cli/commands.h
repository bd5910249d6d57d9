// The commands: one file each.
#pragma once

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

/// In the order of the overview.
std::vector<Command> all_commands();

}  // namespace tensorferry::cli
