#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "arguments.h"
#include "commands.h"
#include "output.h"
#include "signals.h"
#include "tensorferry/error.h"
#include "tensorferry/input.h"

namespace tensorferry::cli {

namespace {

/// Only the command that is wanted is made.
constexpr struct {
  std::string_view name;
  Command (*make)();
} kCommands[] = {
    {"convert", convert_command}, {"batch", batch_command},         {"inject", inject_command},
    {"ls", ls_command},           {"info", info_command},           {"print", print_command},
    {"diff", diff_command},       {"hash", hash_command},           {"verify", verify_command},
    {"stats", stats_command},     {"roundtrip", roundtrip_command}, {"formats", formats_command},
    {"help", help_command},
};

}  // namespace

std::vector<Command> all_commands() {
  std::vector<Command> commands;
  for (const auto& [name, make] : kCommands) commands.push_back(make());
  return commands;
}

std::optional<Command> find_command(std::string_view wanted) {
  for (const auto& [name, make] : kCommands) {
    if (name == wanted) return make();
  }
  return std::nullopt;
}

namespace {

bool names_an_input(const std::string& word) {
  // There is something of that name, or it can only be meant as a path: let the command say what
  // is wrong with it. Nothing is opened that could be read only once.
  std::error_code ignored;
  if (word.find('/') != std::string::npos || std::filesystem::exists(word, ignored)) return true;
  try {
    Input::open(word);  // the beginning of the names of several files
    return true;
  } catch (const Error&) {
    return false;
  }
}

int run_command(const Command& command, std::span<const std::string> words) {
  const Arguments arguments = Arguments::parse(command.syntax, words);
  if (!arguments.flag("help")) return command.run(arguments);
  print(help_text(command.syntax));
  return 0;
}

int dispatch(const std::vector<std::string>& words) {
  if (!words.empty() && (words[0] == "--version" || words[0] == "-V")) {
    print("tensorferry " TENSORFERRY_VERSION "\n");
    return 0;
  }
  if (words.empty()) {
    const std::string text = overview(all_commands());
    std::fwrite(text.data(), 1, text.size(), stderr);
    return static_cast<int>(ErrorCode::usage);
  }
  const std::span<const std::string> rest = std::span(words).subspan(1);
  if (words[0] == "--help" || words[0] == "-h") return help_command().run({});
  if (const auto command = find_command(words[0])) return run_command(*command, rest);
  const bool option = words[0].starts_with('-');  // or standard input
  if (option || names_an_input(words[0])) return run_command(info_command(), words);
  unknown_command(words[0]);
}

/// What went wrong, on standard error; the exit code.
int report(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const ClosedPipe&) {
    die_by_signal(SIGPIPE);
  } catch (...) {
    const Error error = to_error(std::current_exception());
    if (error.id() == "output.closed_pipe") die_by_signal(SIGPIPE);
    complain(error.what());
    if (error.code() == ErrorCode::internal)
      complain("this is a bug in tensorferry: please report it");
    return static_cast<int>(error.code());
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
#if defined(__GLIBC__)
  // Threads that move data allocate little: a heap for each would only take more memory.
  mallopt(M_ARENA_MAX, 1);
#endif
  tensorferry::cli::prepare_process();
  return tensorferry::cli::run({arguments + (count > 0 ? 1 : 0), arguments + count});
}
