#include "lead_to_batch.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "batch_jobs.h"
#include "output.h"
#include "tensorferry/batch.h"

namespace tensorferry::cli {

namespace fs = std::filesystem;

namespace {

/// As it is, or in single quotes.
std::string shell_word(std::string_view word) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:=@%+";
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos)
    return std::string(word);
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::string or_capitals(std::string_view word, std::string_view capitals) {
  return word.empty() ? std::string(capitals) : shell_word(word);
}

/// How many models lie below a folder, among what is found first.
std::size_t models_below(const std::string& folder) {
  try {
    FindOptions options;
    options.most_entries = 1000;
    return find_inputs(folder, options).inputs.size();
  } catch (const Error&) {
    return 0;
  }
}

bool may_mean_several(const Error& error) {
  constexpr std::string_view ids[] = {"unsupported.unknown_format", "corrupt.ambiguous",
                                      "usage.ambiguous", "usage.several_files"};
  return std::find(std::begin(ids), std::end(ids), error.id()) != std::end(ids);
}

}  // namespace

std::string batch_command_line(std::string_view in, std::string_view out,
                               const Arguments& arguments) {
  const Arguments options = job_defaults(arguments);
  std::string line = "tensorferry batch --in " + shell_word(in) + " --out " +
                     or_capitals(out, "FOLDER") + " --to " +
                     or_capitals(options.value("to").value_or(""), "FORMAT");
  for (const std::string& flag : options.flags()) line += " --" + flag;
  for (const auto& [name, values] : options.all_values()) {
    if (name == "to") continue;
    for (const std::string& value : values) line += " --" + name + " " + shell_word(value);
  }
  return line;
}

std::string several_inputs_advice(std::span<const std::string> operands,
                                  const Arguments& arguments) {
  const std::span<const std::string> inputs = operands.first(operands.size() - 1);
  const fs::path folder = fs::path(inputs[0]).parent_path();
  const bool together = std::all_of(inputs.begin(), inputs.end(), [&](const std::string& input) {
    return fs::path(input).parent_path() == folder;
  });
  std::string text =
      "convert takes one input and one output, not " + count_of(operands.size(), "operand") + "; ";
  if (!together)
    return text +
           "for many, write a line {\"in\": ..., \"out\": ...} for each into a file: "
           "tensorferry batch JOBS.jsonl";
  return text + "for every model below a folder: " +
         batch_command_line(folder.empty() ? "." : folder.string(), operands.back(), arguments);
}

Error with_batch_advice(const Error& error, const std::string& folder, const std::string& out,
                        const Arguments& arguments) {
  std::error_code ignored;
  if (!may_mean_several(error) || !fs::is_directory(folder, ignored)) return error;
  if (models_below(folder) < 2) return error;
  return Error(error.code(), error.detail(),
               error.message() + "\nto convert every model below it: " +
                   batch_command_line(folder, fs::path(out).has_extension() ? "" : out, arguments))
      .in_file(error.file());
}

}  // namespace tensorferry::cli
