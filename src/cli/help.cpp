#include <string>
#include <utility>

#include "commands.h"
#include "completions.h"
#include "manual_page.h"
#include "output.h"
#include "tensorferry/error.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kOutput[] = {
    {"completion", "bash|zsh|fish", "Print the completions of that shell"},
    {"man", nullptr, "Print the manual page, as roff"},
};

int run(const Arguments& arguments) {
  const std::vector<Command> commands = all_commands();
  const auto shell = arguments.value("completion");
  const bool manual = arguments.flag("man");
  if ((shell || manual) && (!arguments.operands().empty() || (shell && manual)))
    throw Error(ErrorCode::usage, "bad_option", "--completion and --man each stand alone");
  if (shell)
    print(completion_script(*shell, commands));
  else if (manual)
    print(manual_page(commands));
  else if (arguments.operands().empty())
    print(overview(commands));
  else if (const auto command = find_command(arguments.operands()[0]))
    print(help_text(command->syntax));
  else
    unknown_command(arguments.operands()[0]);
  return 0;
}

}  // namespace

void unknown_command(std::string_view word) {
  const std::vector<Command> commands = all_commands();
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const Command& command : commands) names.emplace_back(command.name);
  std::string message = printable(word) + " is neither a command nor a file";
  if (const auto near = nearest(word, names)) message += "; did you mean " + *near + "?";
  message += "\ncommands:";
  for (const std::string& name : names) message += " " + name;
  throw Error(ErrorCode::usage, "unknown_command", std::move(message));
}

std::string overview(const std::vector<Command>& commands) {
  Table table({Table::Align::left, Table::Align::left});
  for (const Command& command : commands) {
    const std::string_view usage = command.syntax.operands;
    const std::string operands(usage.substr(0, usage.rfind(" [options]")));
    table.add({std::string(command.name) + " " + operands, std::string(command.summary)});
  }
  return "tensorferry carries model weights between file formats, bit for bit.\n\n"
         "usage: tensorferry COMMAND ... [options]\n"
         "       tensorferry FILE              the same as tensorferry info FILE\n\n" +
         table.text("  ") +
         "\n  tensorferry COMMAND --help         options and examples of a command\n"
         "  tensorferry --version\n";
}

Command help_command() {
  return {"help",
          "this list, the options of a command, the manual page, completions",
          {.command = "help",
           .operands = "[COMMAND] [options]",
           .about = "Prints the list of commands, or what one of them does and which options it "
                    "has. The manual page and the\ncompletions of shells say the same.",
           .least = 0,
           .most = 1,
           .groups = {{"Output", kOutput}},
           .examples = "  tensorferry help convert\n"
                       "  source <(tensorferry help --completion bash)\n"
                       "  tensorferry help --man | man -l -\n"},
          run};
}

}  // namespace tensorferry::cli
