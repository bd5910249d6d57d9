#include "tensorferry/batch.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "batch_jobs.h"
#include "batch_report.h"
#include "commands.h"
#include "convert_options.h"
#include "lead_to_batch.h"
#include "output.h"
#include "signals.h"

namespace tensorferry::cli {
namespace {

namespace fs = std::filesystem;

constexpr OptionDef kBatch[] = {
    {"in", "DIR", "Convert every model below this folder, whatever its format"},
    {"out", "DIR", "Where the outputs go, under the same relative paths; --to names their format"},
    {"full-names", nullptr, "With --in: a.npz becomes a.npz.onnx, not a.onnx"},
    {"folders", nullptr, "With --in: outputs are folders, such as those of .npy files"},
    {"shard", "I/N", "Only the jobs of part I of N, from 1/N to N/N; for N processes at once"},
    {"journal", "FILE",
     "Where finished jobs are recorded; default: JOBS.jsonl.journal, or tensorferry.journal in "
     "--out. A shard writes FILE.I-of-N"},
    {"resume", nullptr,
     "Skip the jobs that the journal records, whose inputs and output have not changed since"},
    {"keep-going", nullptr, "Go on after a failure"},
    {"n,dry-run", nullptr, "Print the jobs that would run, as a JOBS.jsonl, and do nothing"},
};

static_assert(least_batch_share == 8u << 20, "the help of --memory-limit says 8M");
constexpr OptionDef kRunning[] = {
    {"j,jobs", "N", "How many jobs run at the same time; default: the processors, at most 4"},
    {"memory-limit", "SIZE",
     "Of the buffers of all jobs together, such as 512M: each running job has an equal share of "
     "at least 8M"},
    {"progress", "auto|none|json",
     "auto: a line on a terminal; none; json: a JSON object a line on standard error"},
    {"q,quiet", nullptr, "Print nothing but errors"},
    {"v,verbose", nullptr, "Print a line for each job on standard error"},
};

std::vector<OptionGroup> option_groups() {
  std::vector<OptionGroup> groups = conversion_options();
  groups.insert(groups.begin(), {"Batch", kBatch});
  groups.push_back({"Run", kRunning});
  return groups;
}

BatchShard shard_of(const Arguments& arguments) {
  const auto text = arguments.value("shard");
  BatchShard shard;
  if (!text) return shard;
  const char* end = text->data() + text->size();
  const auto index = std::from_chars(text->data(), end, shard.index);
  const bool divided = index.ec == std::errc{} && index.ptr != end && *index.ptr == '/';
  const auto count = divided ? std::from_chars(index.ptr + 1, end, shard.count) : index;
  if (!divided || count.ec != std::errc{} || count.ptr != end || shard.index == 0 ||
      shard.index > shard.count)
    throw Error(ErrorCode::usage, "bad_value",
                "--shard needs I/N with I from 1 to N, such as 2/8, not " + printable(*text));
  return shard;
}

[[noreturn]] void refuse(std::string_view detail, std::string message) {
  throw Error(ErrorCode::usage, detail, std::move(message));
}

void say_others(const Arguments& arguments, const std::vector<std::string>& others) {
  if (arguments.flag("quiet") || others.empty()) return;
  if (arguments.flag("verbose"))
    for (const std::string& other : others)
      complain("note: of no known format: " + printable(other, 0));
  else
    complain("note: " + count_of(others.size(), "file") +
             " of no known format left alone (-v names them)");
}

/// Two inputs may differ in nothing but their extension.
void check_names(const JobList& list, const FolderJobs& folder) {
  try {
    check_batch(list.jobs);
  } catch (const Error& error) {
    std::set<fs::path> targets;
    for (const BatchJob& job : list.jobs) targets.insert(job.target);
    if (folder.full_names || targets.size() == list.jobs.size()) throw;
    throw Error(error.code(), error.detail(),
                error.message() + "\n--full-names keeps their extensions: a.npz becomes a.npz" +
                    list.jobs[0].target.extension().string());
  }
}

JobList jobs_of_folder(const Arguments& arguments, const Arguments& defaults) {
  constexpr std::pair<const char*, const char*> needed[] = {
      {"in", "--in FOLDER"}, {"out", "--out FOLDER"}, {"to", "--to FORMAT"}};
  std::string missing;
  for (const auto& [name, shown] : needed)
    if (arguments.value(name).value_or("").empty())
      missing += (missing.empty() ? "" : " and ") + std::string(shown);
  if (!missing.empty()) refuse("missing_value", "a batch of a folder needs " + missing + " too");
  const FolderJobs folder{*arguments.value("in"), *arguments.value("out"),
                          arguments.flag("full-names"), arguments.flag("folders")};
  std::error_code ignored;
  if (fs::equivalent(folder.in, folder.out, ignored))
    refuse("same_folder", "--in and --out are the same folder");

  std::vector<std::string> others;
  JobList list;
  FindReport report(arguments.value("progress").value_or("auto"), arguments.flag("quiet"));
  CancelOnSignal signals;
  FindOptions options;
  options.cancel = signals.flag();
  options.progress = [&](std::size_t done, std::size_t files) { report.update(done, files); };
  try {
    list = folder_jobs(folder, defaults, options, others);
  } catch (const Error&) {
    if (signals.received() == 0) throw;
    report.interrupted(signals.received());
    die_by_signal(signals.received());
  }
  report.finish();
  say_others(arguments, others);
  check_names(list, folder);
  return list;
}

JobList jobs_of(const Arguments& arguments) {
  const Arguments defaults = job_defaults(arguments);
  const bool from_folder = arguments.value("in") || arguments.value("out");
  if (!arguments.operands().empty()) {
    const std::string& jobs = arguments.operands()[0];
    std::error_code ignored;
    if (fs::is_directory(jobs, ignored))
      refuse("folder",
             printable(jobs) +
                 " is a folder, not a list of jobs; to convert every model "
                 "below it: " +
                 batch_command_line(jobs, arguments.value("out").value_or(""), arguments));
    if (from_folder) refuse("bad_option", "--in and --out stand in place of JOBS.jsonl");
    return read_jobs(jobs, defaults);
  }
  if (!from_folder) refuse("missing_operand", "JOBS.jsonl is missing, or --in, --out and --to");
  return jobs_of_folder(arguments, defaults);
}

fs::path journal_of(const Arguments& arguments) {
  if (const auto given = arguments.value("journal")) return *given;
  if (arguments.operands().empty())
    return fs::path(arguments.value("out").value_or("")) / "tensorferry.journal";
  if (arguments.operands()[0] != "-") return arguments.operands()[0] + ".journal";
  if (arguments.flag("resume"))
    refuse("bad_option", "--resume needs --journal FILE when the jobs come from standard input");
  return {};
}

BatchOptions batch_options(const Arguments& arguments) {
  BatchOptions options;
  constexpr std::uint64_t most_jobs = 256;
  options.jobs = static_cast<unsigned>(std::min(arguments.number("jobs").value_or(0), most_jobs));
  options.memory_limit = arguments.bytes("memory-limit").value_or(0);
  options.shard = shard_of(arguments);
  options.journal = journal_of(arguments);
  options.resume = arguments.flag("resume");
  options.keep_going = arguments.flag("keep-going");
  options.make_folders = true;
  options.sync = !arguments.flag("no-sync");
  return options;
}

int dry_run(const JobList& list, const BatchOptions& options) {
  for (const std::size_t job : pending_jobs(list.jobs, options)) print(job_line(list, job) + "\n");
  return 0;
}

int run(const Arguments& arguments) {
  BatchOptions options = batch_options(arguments);
  const JobList list = jobs_of(arguments);
  if (arguments.flag("dry-run")) return dry_run(list, options);
  const std::size_t chosen =
      (list.jobs.size() + options.shard.count - options.shard.index) / options.shard.count;
  BatchReport report(list.jobs, chosen, arguments.value("progress").value_or("auto"),
                     arguments.flag("quiet"), arguments.flag("verbose"));

  CancelOnSignal signals;
  options.cancel = signals.flag();
  options.on_event = [&](const BatchEvent& event) { report.tell(event); };
  options.on_progress = [&](std::size_t job, const Progress& at) { report.advance(job, at); };
  const BatchResult result = run_batch(list.jobs, options);
  report.finish(result);
  if (signals.received() != 0) {
    flush_output();
    report.interrupted(signals.received(), result.not_started, !options.journal.empty());
    die_by_signal(signals.received());
  }
  return report.exit_code();
}

}  // namespace

Command batch_command() {
  return {
      "batch",
      "convert many files, several at once; resume what was interrupted",
      {.command = "batch",
       .operands = "[JOBS.jsonl] [options]",
       .about =
           "Runs many conversions: the lines of JOBS.jsonl (- is standard input), or every model "
           "below a folder (--in).\n"
           "A line is a JSON object: \"in\", \"out\", and options of convert by their long names, "
           "as "
           "a text, a number, true,\nor a list where one repeats. Options on the command line hold "
           "for every line that does not say otherwise.\nAll wrong lines are told before anything "
           "runs. Folders for outputs are made.\n\n"
           "Each output appears complete or not at all, and is then recorded in a journal. "
           "--resume "
           "skips the jobs that are\nrecorded and unchanged, and runs all others. It replaces an "
           "output only if the journal shows that this batch wrote\nit: recorded and unchanged "
           "since, or begun where nothing was and killed before it was recorded. Anything else\n"
           "that exists needs --overwrite.\n\n"
           "After a failure no job starts, unless --keep-going. The exit code is that of the worst "
           "job, in this order:\n70, 5, 3, 6, 8, 7, 9, 4, 2, 0.",
       .least = 0,
       .most = 1,
       .groups = option_groups(),
       .examples = "  tensorferry batch jobs.jsonl -j 4 --keep-going\n"
                   "  tensorferry batch --in checkpoints --out onnx --to onnx --exclude-optimizer "
                   "--resume\n"
                   "  tensorferry batch jobs.jsonl --resume --shard 2/8 --progress json\n"
                   "  jobs.jsonl:\n"
                   "  {\"in\": \"a.npz\", \"out\": \"a.safetensors\"}\n"
                   "  {\"in\": \"run1/ckpt-1000\", \"out\": \"run1.h5\", \"exclude\": [\"*Adam*\", "
                   "\"global_step\"], \"verify\": true}\n"},
      run};
}

}  // namespace tensorferry::cli
