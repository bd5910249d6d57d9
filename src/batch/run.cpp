// Runs the jobs of a batch: which ones, how many at once, what is recorded.
#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "batch/jobs.h"
#include "batch/journal.h"
#include "io/temporary_name.h"
#include "tensorferry/batch.h"

namespace tensorferry {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;
constexpr unsigned kMostByDefault = 4;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<std::string> output_paths(const ConversionPlan& plan) {
  std::vector<std::string> paths;
  for (const auto& [path, size] : plan.output_files()) paths.push_back(full_path(path).string());
  return paths;
}

/// Whether something would be replaced by an output of these files.
bool is_taken(const Layout& layout, const fs::path& target, const std::vector<std::string>& files) {
  std::error_code ignored;
  if (layout.directory)
    return fs::exists(fs::symlink_status(target, ignored)) && !fs::is_empty(target, ignored);
  return std::any_of(files.begin(), files.end(), [&](const std::string& file) {
    return fs::exists(fs::symlink_status(file, ignored));
  });
}

/// What a killed process has left under hidden names. What is to be told of it, the conversion
/// finds and tells.
void clean_up(const Layout& layout, const std::vector<std::string>& files) {
  if (layout.directory) return;  // the conversion does that itself
  for (const fs::path file : files)
    static_cast<void>(remove_leftovers(file.parent_path(), file.filename().string()));
}

std::vector<FileRecord> source_records(const Manifest& manifest) {
  std::vector<FileRecord> records;
  for (const auto& file : manifest.sources)
    records.push_back(record_of(full_path(file->name()).string(), file->identity()));
  std::sort(records.begin(), records.end(),
            [](const FileRecord& a, const FileRecord& b) { return a.path < b.path; });
  return records;
}

/// What cannot be looked at again may be something else now.
bool came_through_pipe(const std::vector<FileRecord>& sources) {
  return std::any_of(sources.begin(), sources.end(),
                     [](const FileRecord& file) { return file.inode == 0; });
}

/// The record of the job when it needs not run again.
const JournalEntry* valid_record(const BatchJob& job, const JournalRecords& records) {
  if (job.problem) return nullptr;
  const std::string digest = job_digest(job);
  for (const JournalEntry& entry : records.finished(full_path(job.target).string())) {
    if (entry.job != digest || entry.outputs.empty() || !unchanged(entry.outputs)) continue;
    if (came_through_pipe(entry.sources)) continue;
    try {
      // what the reader opens now: a file that has joined counts, too
      if (source_records(read(job.source, job.options->read)) == entry.sources) return &entry;
    } catch (const std::exception&) {
      return nullptr;  // let the job say it
    }
  }
  return nullptr;
}

std::vector<std::size_t> of_shard(std::size_t jobs, const BatchShard& shard) {
  if (shard.count == 0 || shard.index == 0 || shard.index > shard.count)
    throw Error(ErrorCode::usage, "shard", "a shard is I/N with I from 1 to N");
  std::vector<std::size_t> chosen;
  for (std::size_t i = shard.index - 1; i < jobs; i += shard.count) chosen.push_back(i);
  return chosen;
}

JournalRecords records_for(const BatchOptions& options) {
  return options.resume && !options.journal.empty() ? JournalRecords::load(options.journal)
                                                    : JournalRecords{};
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw Error(ErrorCode::output, "mkdir", "the folder cannot be made: " + error.message())
        .in_file(folder.string());
}

class Runner {
 public:
  Runner(const std::vector<BatchJob>& jobs, const BatchOptions& options)
      : jobs_(jobs), options_(options), chosen_(of_shard(jobs.size(), options.shard)) {
    plan_threads();
    if (options.journal.empty()) return;
    if (options.make_folders) make_folder(full_path(options.journal).parent_path());
    journal_.emplace(journal_path(options.journal, options.shard), options.sync);
    records_ = records_for(options);  // nobody else adds to it any more
  }

  BatchResult run() {
    const auto start = Clock::now();
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < workers_; ++i) {
      try {
        threads.emplace_back([this] { work(); });
      } catch (const std::system_error&) {
        break;  // fewer at once, then
      }
    }
    work();
    for (std::thread& thread : threads) thread.join();
    if (fatal_) std::rethrow_exception(fatal_);
    result_.not_started = chosen_.size() - result_.finished - result_.skipped - result_.failed;
    result_.seconds = seconds_since(start);
    return result_;
  }

 private:
  void plan_threads() {
    const unsigned processors = std::max(1u, std::thread::hardware_concurrency());
    unsigned wanted = options_.jobs != 0 ? options_.jobs : std::min(processors, kMostByDefault);
    if (options_.memory_limit != 0) {
      if (options_.memory_limit < least_batch_share)
        throw Error(ErrorCode::usage, "memory_limit",
                    "a batch needs at least " + std::to_string(least_batch_share >> 20) +
                        " MiB of buffers, not " + std::to_string(options_.memory_limit) + " bytes");
      wanted = static_cast<unsigned>(
          std::min<std::uint64_t>(wanted, options_.memory_limit / least_batch_share));
    }
    workers_ = static_cast<unsigned>(std::clamp<std::size_t>(chosen_.size(), 1, wanted));
    threads_ = std::max(1u, wanted / workers_);
  }

  bool cancelled() const { return options_.cancel != nullptr && options_.cancel->load(); }

  /// The next job, until there is none or none may start.
  std::optional<std::size_t> next() {
    const std::lock_guard lock(mutex_);
    if (stopped_ || cancelled() || at_ == chosen_.size()) return std::nullopt;
    return chosen_[at_++];
  }

  void work() {
    try {
      while (const auto job = next()) run_job(*job);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!fatal_) fatal_ = std::current_exception();
      stopped_ = true;
    }
  }

  void run_job(std::size_t index) {
    const auto start = Clock::now();
    if (const JournalEntry* record = valid_record(jobs_[index], records_)) {
      std::uint64_t bytes = 0;
      for (const FileRecord& file : record->outputs) bytes += file.size;
      tell({BatchEvent::Kind::skipped, index, 0, bytes, record->damaged});
      return;
    }
    tell({BatchEvent::Kind::started, index});
    Receipt receipt;
    JournalEntry entry{JournalEntry::State::failed, {}, {}};
    bool started = false;
    try {
      if (jobs_[index].problem) throw Error(*jobs_[index].problem);
      entry = convert_job(index, receipt, started);
    } catch (...) {
      const Error error = to_error(std::current_exception());
      if (started) record_failure(jobs_[index], error);
      if (cancelled() && error.id() == "input.cancelled") return;
      tell({BatchEvent::Kind::failed, index, seconds_since(start), 0, 0, &error});
      return;
    }
    if (journal_) journal_->append(entry);
    tell({BatchEvent::Kind::finished, index, seconds_since(start), receipt.output_bytes,
          entry.damaged, nullptr, &receipt});
  }

  /// Nothing was written: whose the target is stays as it was before.
  void record_failure(const BatchJob& job, const Error& error) {
    if (!journal_) return;
    JournalEntry entry = entry_for(job, JournalEntry::State::failed);
    entry.owns = records_.started(entry.target);
    entry.error = error.id();
    journal_->append(entry);
  }

  static JournalEntry entry_for(const BatchJob& job, JournalEntry::State state) {
    return {state, job_digest(job), full_path(job.target).string()};
  }

  /// What to record once the output is there.
  JournalEntry convert_job(std::size_t index, Receipt& receipt, bool& started) {
    const BatchJob& job = jobs_[index];
    const fs::path target = full_path(job.target);
    const bool ours = records_.owned(target.string());
    ConvertOptions options = *job.options;
    options.run.threads = threads_;
    if (options_.memory_limit != 0)
      limit_memory(options.read, options.run, options_.memory_limit / workers_);
    options.run.overwrite = options.run.overwrite || ours;
    options.run.progress = nullptr;
    if (options_.on_progress) {
      options.run.progress = [this, index](const Progress& progress) {
        const std::lock_guard lock(mutex_);
        options_.on_progress(index, progress);
      };
    }
    options.run.cancel = options_.cancel;
    if (options_.make_folders) make_folder(target.parent_path());

    PreparedConversion prepared = prepare(job.source, job.target, options);
    const std::vector<std::string> outputs = output_paths(prepared.plan);
    if (records_.started(target.string())) clean_up(prepared.plan.layout(), outputs);
    JournalEntry entry = entry_for(job, JournalEntry::State::started);
    entry.owns = ours || !is_taken(prepared.plan.layout(), target, outputs);
    entry.sources = source_records(prepared.plan.manifest());
    if (journal_) journal_->append(entry);
    started = true;

    receipt = std::move(prepared.plan).run(options.run);
    receipt.damaged.insert(receipt.damaged.end(), prepared.damaged.begin(), prepared.damaged.end());
    entry.damaged = receipt.damaged.size();
    entry.state = JournalEntry::State::finished;
    entry.owns = false;
    for (const std::string& path : outputs)
      entry.outputs.push_back(look_at(path).value_or(FileRecord{path}));
    return entry;
  }

  void tell(const BatchEvent& event) {
    const std::lock_guard lock(mutex_);
    switch (event.kind) {
      case BatchEvent::Kind::started:
        break;
      case BatchEvent::Kind::finished:
        ++result_.finished;
        result_.bytes += event.bytes;
        break;
      case BatchEvent::Kind::skipped:
        ++result_.skipped;
        break;
      case BatchEvent::Kind::failed:
        ++result_.failed;
        stopped_ = stopped_ || !options_.keep_going;
        break;
    }
    if (options_.on_event) options_.on_event(event);
  }

  const std::vector<BatchJob>& jobs_;
  const BatchOptions& options_;
  std::vector<std::size_t> chosen_;
  JournalRecords records_;
  std::optional<Journal> journal_;
  unsigned workers_ = 1, threads_ = 1;

  std::mutex mutex_;  // of all below
  std::size_t at_ = 0;
  bool stopped_ = false;
  BatchResult result_;
  std::exception_ptr fatal_;
};

}  // namespace

BatchResult run_batch(const std::vector<BatchJob>& jobs, const BatchOptions& options) {
  check_batch(jobs);
  return Runner(jobs, options).run();
}

std::vector<std::size_t> pending_jobs(const std::vector<BatchJob>& jobs,
                                      const BatchOptions& options) {
  check_batch(jobs);
  const JournalRecords records = records_for(options);
  std::vector<std::size_t> pending;
  for (const std::size_t job : of_shard(jobs.size(), options.shard))
    if (valid_record(jobs[job], records) == nullptr) pending.push_back(job);
  return pending;
}

}  // namespace tensorferry
