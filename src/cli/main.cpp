#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "arguments.h"
#include "commands.h"
#include "output.h"
#include "signals.h"
#include "tensorferry/error.h"
#include "tensorferry/input.h"

namespace tensorferry::cli {

std::vector<Command> all_commands() {
  return {convert_command(), batch_command(),     ls_command(),     info_command(),
          print_command(),   diff_command(),      hash_command(),   verify_command(),
          stats_command(),   roundtrip_command(), inject_command(), formats_command()};
}

namespace {

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

const Command* find(const std::vector<Command>& commands, std::string_view name) {
  for (const Command& command : commands)
    if (command.name == name) return &command;
  return nullptr;
}

bool names_an_input(const std::string& word) {
  try {
    Input::open(word);
    return true;
  } catch (const Error&) {
    // there is something of that name, or it can only be meant as a path: let the command say what
    // is wrong with it
    std::error_code ignored;
    return std::filesystem::exists(word, ignored) || word.find('/') != std::string::npos;
  }
}

[[noreturn]] void unknown_command(const std::vector<Command>& commands, const std::string& word) {
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const Command& command : commands) names.emplace_back(command.name);
  std::string message = printable(word) + " is neither a command nor a file";
  if (const auto near = nearest(word, names)) message += "; did you mean " + *near + "?";
  message += "\ncommands:";
  for (const std::string& name : names) message += " " + name;
  throw Error(ErrorCode::usage, "unknown_command", std::move(message));
}

int run_command(const Command& command, std::span<const std::string> words) {
  const Arguments arguments = Arguments::parse(command.syntax, words);
  if (!arguments.flag("help")) return command.run(arguments);
  print(help_text(command.syntax));
  return 0;
}

int help(const std::vector<Command>& commands, std::span<const std::string> words) {
  if (words.empty()) {
    print(overview(commands));
    return 0;
  }
  const Command* command = find(commands, words[0]);
  if (command == nullptr) unknown_command(commands, words[0]);
  print(help_text(command->syntax));
  return 0;
}

int dispatch(const std::vector<std::string>& words) {
  if (!words.empty() && (words[0] == "--version" || words[0] == "-V")) {
    print("tensorferry " TENSORFERRY_VERSION "\n");
    return 0;
  }
  const std::vector<Command> commands = all_commands();
  if (words.empty()) {
    const std::string text = overview(commands);
    std::fwrite(text.data(), 1, text.size(), stderr);
    return static_cast<int>(ErrorCode::usage);
  }
  const std::span<const std::string> rest = std::span(words).subspan(1);
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") return help(commands, rest);
  if (const Command* command = find(commands, words[0])) return run_command(*command, rest);
  const bool option = words[0].starts_with('-');
  if (option || names_an_input(words[0])) return run_command(*find(commands, "info"), words);
  unknown_command(commands, words[0]);
}

/// What went wrong, on standard error; the exit code.
int report(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const ClosedPipe&) {
    die_by_signal(SIGPIPE);
  } catch (const Error& e) {
    complain(e.what());
    if (e.code() == ErrorCode::internal) complain("this is a bug in tensorferry: please report it");
    return static_cast<int>(e.code());
  } catch (const std::bad_alloc&) {
    complain("error[resources.memory]: out of memory");
    return static_cast<int>(ErrorCode::resources);
  } catch (const std::exception& e) {
    complain("error[internal.exception]: " + printable(e.what()) +
             "; this is a bug in tensorferry: please report it");
    return static_cast<int>(ErrorCode::internal);
  }
}

int run(const std::vector<std::string>& words) {
  int code = 0;
  try {
    code = dispatch(words);
    flush_output();
    return code;
  } catch (...) {
    code = report(std::current_exception());
  }
  try {
    flush_output();  // what was listed before the error
  } catch (...) {
    // the first error has been told, and its code stands
  }
  return code;
}

}  // namespace
}  // namespace tensorferry::cli

int main(int count, char** arguments) {
  tensorferry::cli::prepare_process();
  return tensorferry::cli::run({arguments + (count > 0 ? 1 : 0), arguments + count});
}
