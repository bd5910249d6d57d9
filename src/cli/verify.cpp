#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "commands.h"
#include "json_text.h"
#include "model.h"
#include "output.h"
#include "scanning.h"
#include "tensorferry/notes.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kOutput[] = {
    {"json", nullptr, "Print JSON"},
    {"q,quiet", nullptr, "Print only errors; the exit code gives the result"},
};

std::string kinds_of(const TensorCheck& check) {
  std::string text;
  for (const std::string& kind : check.checksums) text.append(text.empty() ? "" : ",").append(kind);
  return text.empty() ? "-" : text;
}

// Its writer was not done with it, which no tensor can tell.
bool unfinished(const Manifest& manifest) {
  return std::any_of(manifest.notes.begin(), manifest.notes.end(), is_unfinished);
}

/// What was verified, in one line.
std::string summary(const std::vector<TensorCheck>& checks, std::size_t failed, bool unfinished) {
  std::map<std::string, std::uint64_t> verified;
  std::uint64_t bytes = 0, without = 0;
  for (const TensorCheck& check : checks) {
    bytes += check.bytes;
    if (check.problem) continue;
    if (check.checksums.empty()) ++without;
    for (const std::string& kind : check.checksums) ++verified[kind];
  }
  std::string text = count_of(checks.size(), "tensor") + ", " + exact_bytes(bytes) + " read";
  for (const auto& [kind, tensors] : verified)
    text += "; " + kind + " of " + count_of(tensors, "tensor");
  if (without > 0)
    text += "; sizes only, the file has no checksum, of " + count_of(without, "tensor");
  if (failed > 0)
    text += "; " + std::to_string(failed) + " cannot be read";
  else
    text += unfinished ? "; it was not closed by its writer" : "; no damage found";
  return text + "\n";
}

void print_text(const Manifest& manifest, const std::vector<TensorCheck>& checks,
                std::size_t failed) {
  using enum Table::Align;
  Table table({left, left, right, left, left});
  for (std::size_t i = 0; i < checks.size(); ++i) {
    const TensorCheck& check = checks[i];
    const std::string name = printable(manifest.tensors[i].name, 0);
    if (check.problem)
      table.add({"BAD", "-", "-", name, short_problem(*check.problem)});
    else
      table.add({"ok", kinds_of(check), human_bytes(check.bytes), name, ""});
  }
  print(table.text());
  print(summary(checks, failed, unfinished(manifest)));
}

void print_json(const Model& model, const std::vector<TensorCheck>& checks, std::size_t failed) {
  print("{\"file\":" + to_text(json_bytes(model.path)) +
        ",\"format\":" + to_text(Json(model.format->name)) + ",\"ok\":" +
        (failed == 0 && !unfinished(model.manifest) ? "true" : "false") + ",\"tensors\":[");
  const char* separator = "\n";
  for (std::size_t i = 0; i < checks.size(); ++i) {
    Json object = json_tensor(model.manifest.tensors[i]);
    if (checks[i].problem) {
      object["problem"] = json_bytes(short_problem(*checks[i].problem));
    } else {
      object["bytes"] = checks[i].bytes;
      object["checksums"] = checks[i].checksums;
    }
    print(separator + to_text(object));
    separator = ",\n";
  }
  print("\n]}\n");
}

int run(const Arguments& arguments) {
  const bool quiet = arguments.flag("quiet");
  const Model model = open_model(arguments.operands()[0], arguments, true);
  std::vector<TensorCheck> checks;
  scan(arguments,
       [&](const ScanOptions& options) { checks = check_tensors(model.manifest, options); });

  WorstProblem worst;
  std::vector<Error> failures;
  std::size_t failed = 0, missing = 0;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    const Problem& problem = checks[i].problem;
    if (!problem || !counts_as_failure(model.manifest.tensors[i], *problem)) continue;
    ++failed;
    worst.add(*problem);
    // A note says which files are missing; one error counts what they hold.
    if (problem->id() != "input.missing" || ++missing == 1) failures.push_back(*problem);
  }
  if (missing > 1) {
    const auto one = std::ranges::find(failures, "input.missing", &Error::id);
    *one = Error(ErrorCode::input, "missing",
                 std::to_string(missing) + " tensors lie in files that are missing")
               .in_file(model.path);
  }
  if (arguments.flag("json"))
    print_json(model, checks, failed);
  else if (!quiet)
    print_text(model.manifest, checks, failed);
  flush_output();
  if (!quiet) print_notes(model.manifest.notes);
  for (const Error& failure : failures) complain(failure.what());
  constexpr int kUnfinished = 1;
  return worst.code() == 0 && unfinished(model.manifest) ? kUnfinished : worst.code();
}

}  // namespace

Command verify_command() {
  return {"verify",
          "read a file through and verify every checksum and size that it has",
          {.command = "verify",
           .operands = "FILE [options]",
           .about =
               "Reads all of FILE and verifies every checksum and size that its format offers, "
               "and says which those are.\nMessages of Protocol Buffers that every other command "
               "skips are parsed, too. Sizes and the checksums of metadata\nare verified by every "
               "command. Exit code: 0 no damage found, 1 marked as not finished by what wrote it,\n"
               "3 damaged, 6 something is missing.",
           .least = 1,
           .most = 1,
           .groups = {{"Output", kOutput}, input_options(), scan_options()},
           .examples = "  tensorferry verify model.ckpt-1000\n"
                       "  tensorferry verify weights/ --json\n"},
          run};
}

}  // namespace tensorferry::cli
