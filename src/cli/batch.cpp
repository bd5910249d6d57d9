#include "tensorferry/batch.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string>
#include <utility>

#include "batch_jobs.h"
#include "batch_report.h"
#include "commands.h"
#include "convert_options.h"
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

constexpr OptionDef kRunning[] = {
    {"j,jobs", "N", "How many jobs run at the same time; default: the processors, at most 4"},
    {"memory-limit", "SIZE",
     "Of the buffers of all jobs together, such as 512M: each running job has an equal share of "
     "at least 4M"},
    {"progress", "MODE",
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

JobList jobs_of_folder(const Arguments& arguments, const Arguments& defaults) {
  for (const char* name : {"in", "out", "to"})
    if (!arguments.value(name) || arguments.value(name)->empty())
      refuse("missing_value", "a batch of a folder needs --in, --out and --to");
  const FolderJobs folder{*arguments.value("in"), *arguments.value("out"),
                          arguments.flag("full-names"), arguments.flag("folders")};
  std::error_code ignored;
  if (fs::equivalent(folder.in, folder.out, ignored))
    refuse("same_folder", "--in and --out are the same folder");
  std::vector<std::string> others;
  JobList list = folder_jobs(folder, defaults, others);
  if (arguments.flag("quiet")) return list;
  if (arguments.flag("verbose"))
    for (const std::string& other : others)
      complain("note: of no known format: " + printable(other, 0));
  else if (!others.empty())
    complain("note: " + count_of(others.size(), "file") +
             " of no known format left alone (-v names them)");
  return list;
}

JobList jobs_of(const Arguments& arguments) {
  const Arguments defaults = job_defaults(arguments);
  const bool from_folder = arguments.value("in") || arguments.value("out");
  if (!arguments.operands().empty()) {
    if (from_folder) refuse("bad_option", "--in and --out stand in place of JOBS.jsonl");
    return read_jobs(arguments.operands()[0], defaults);
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
  report.finish(run_batch(list.jobs, options));
  if (signals.received() != 0) {
    flush_output();
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
