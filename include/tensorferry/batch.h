// Many conversions as one piece of work: several at once, recorded in a journal, resumed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tensorferry/convert.h"
#include "tensorferry/error.h"
#include "tensorferry/export.h"

namespace TENSORFERRY_API tensorferry {

/// One conversion of a batch.
struct BatchJob {
  std::filesystem::path source, target;
  /// Never null; many jobs may share one. The batch decides over run.threads, run.memory_limit,
  /// run.progress and run.cancel.
  std::shared_ptr<const ConvertOptions> options = std::make_shared<ConvertOptions>();
  /// Whatever decides over the output beside source and target, as text, with the state of files
  /// that the options name: a job whose text differs from the recorded one is another job.
  std::string settings = {};
  std::string place = {};  ///< for messages: "line 7"
  /// Set: what was meant to be converted could not even be looked at; the job fails with this.
  Problem problem = {};
};

/// One of `count` parts of a batch: the jobs at index - 1, index - 1 + count, ...
struct BatchShard {
  std::size_t index = 1, count = 1;  ///< index counts from 1
};

/// What happened to a job.
struct BatchEvent {
  enum class Kind : std::uint8_t { started, finished, skipped, failed };
  Kind kind;
  std::size_t job;                   ///< its position in the whole list, from 0
  double seconds = 0;                ///< of that job
  std::uint64_t bytes = 0;           ///< of its output
  std::uint64_t damaged = 0;         ///< tensors that salvage left out
  const Error* error = nullptr;      ///< of a failed one
  const Receipt* receipt = nullptr;  ///< of a finished one
};

/// The least share of BatchOptions::memory_limit that a running job has, in bytes: half of it is
/// for buffers, of which a thread needs 4 MiB.
inline constexpr std::uint64_t least_batch_share = 8u << 20;

struct BatchOptions {
  unsigned jobs = 0;  ///< at once; 0 = as many as there are processors, at most 4
  /// Of the buffers of all jobs together, in bytes; each running job has an equal share, and as
  /// many run at once as shares of least_batch_share fit. 0 = a conversion's own default for each.
  std::uint64_t memory_limit = 0;
  BatchShard shard = {};
  /// Where finished jobs are recorded; empty = nowhere. A shard writes a file of its own,
  /// JOURNAL.INDEX-of-COUNT; all of them are read.
  std::filesystem::path journal = {};
  bool resume = false;        ///< skip the jobs whose record, inputs and output are as they were
  bool keep_going = false;    ///< a failure does not keep other jobs from starting
  bool make_folders = false;  ///< make the folder of an output where it is missing
  bool sync = true;           ///< fsync the journal after each entry
  std::function<void(const BatchEvent&)> on_event = {};  ///< called from one thread at a time
  /// How far a running job is, by its position in the list; at most ten times a second for each,
  /// in turn with on_event.
  std::function<void(std::size_t job, const Progress& progress)> on_progress = {};
  const std::atomic<bool>* cancel = nullptr;  ///< set to true: running jobs stop, none starts
};

struct BatchResult {
  std::size_t finished = 0, skipped = 0, failed = 0, not_started = 0;
  std::uint64_t bytes = 0;  ///< of the outputs of finished jobs
  double seconds = 0;
};

/// Throws Error(usage.job_conflict) naming all jobs that write the same output, or write what
/// another one reads.
void check_batch(const std::vector<BatchJob>& jobs);

/// Runs the jobs of a shard. Failures of jobs are told by events; what ends the whole batch is
/// thrown: Error(usage.job_conflict), Error(usage.memory_limit), Error(output) of the journal,
/// Error(output.busy) when another process writes that journal, and what on_event lets out. Running
/// jobs are finished first. A cancelled job is neither finished nor failed and counts as not
/// started.
///
/// With `resume` an output that exists is replaced only when the journal says that this batch wrote
/// it, or was about to: recorded and unchanged since, or started where nothing was and not recorded
/// as finished (the process was killed in between). Any other one is Error(output.exists), unless
/// the job's options allow overwriting.
BatchResult run_batch(const std::vector<BatchJob>& jobs, const BatchOptions& options);

/// The jobs that run_batch would run now: positions in the list. Reads inputs' metadata and the
/// journal, writes nothing.
std::vector<std::size_t> pending_jobs(const std::vector<BatchJob>& jobs,
                                      const BatchOptions& options);

/// An input below a folder.
struct FoundInput {
  std::filesystem::path path;  ///< relative to the folder: a file, a folder, or a prefix
  std::string stem;            ///< `path` without an extension of its format
  Problem problem = {};        ///< a folder that cannot be listed: why
};

struct FoundInputs {
  std::vector<FoundInput> inputs;             ///< sorted by path
  std::vector<std::filesystem::path> others;  ///< files of no known format
};

struct FindOptions {
  ReadOptions read = {};
  std::filesystem::path leave_out = {};  ///< a folder that is not looked into; empty = none
  /// After so many files and folders no more are listed: what is found is only a part. 0 = all.
  std::size_t most_entries = 0;
  /// Called after each file with how many have been looked at and how many there are; what it
  /// throws ends the search.
  std::function<void(std::size_t done, std::size_t files)> progress = {};
  const std::atomic<bool>* cancel = nullptr;  ///< set to true: throws Error(input.cancelled)
};

/// Every model below `folder`, found by content; with `read.from` every file. What several files
/// make up (shards and their index, a manifest and what it names, a SavedModel) is one input: what
/// its reader opens belongs to it, whether or not it can read it. Hidden files and folders, links
/// to folders, and what is below `leave_out` are not looked at.
///
/// A file that cannot be read is an input, so that its job says why: one of a known format, and one
/// that has the extension of a format but another content. So is a folder below that cannot be
/// listed. Throws Error(input) when `folder` itself cannot.
FoundInputs find_inputs(const std::filesystem::path& folder, const FindOptions& options = {});

}  // namespace tensorferry
