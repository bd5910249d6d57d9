// What `batch` tells while it runs and at the end.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "batch_jobs.h"
#include "progress.h"
#include "tensorferry/batch.h"

namespace tensorferry::cli {

/// Of two exit codes of jobs the one that the batch ends with. From worst to best: internal,
/// unsafe, corrupt, input, resources, output, lossy, unsupported, usage, done.
int worse_code(int a, int b);

/// One JSON object without a line end.
std::string event_json(const BatchEvent& event, const BatchJob& job);

/// When a line that is drawn again and again is due: not at once, and not too often.
class Pace {
 public:
  bool is_due();
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now(), last_{};
};

/// The search for the models of a folder, as it goes on.
class FindReport {
 public:
  /// As for BatchReport.
  FindReport(std::string_view mode, bool quiet);
  ~FindReport() { finish(); }
  FindReport(const FindReport&) = delete;
  FindReport& operator=(const FindReport&) = delete;

  void update(std::size_t done, std::size_t files);
  /// Takes the line away.
  void finish();
  void interrupted(int signal);

 private:
  ProgressMode mode_;
  Pace pace_;
  bool drawn_ = false;
};

class BatchReport {
 public:
  /// `mode` is auto, none or json. Throws Error(usage.bad_value).
  BatchReport(const std::vector<BatchJob>& jobs, std::size_t chosen, std::string_view mode,
              bool quiet, bool verbose);
  ~BatchReport() { clear_line(); }
  BatchReport(const BatchReport&) = delete;
  BatchReport& operator=(const BatchReport&) = delete;

  /// These two one at a time.
  void tell(const BatchEvent& event);
  void advance(std::size_t job, const Progress& progress);
  /// After finish(), when a signal has ended the batch: what is left, and how to go on.
  void interrupted(int signal, std::size_t not_done, bool can_resume);
  /// The summary, on standard output.
  void finish(const BatchResult& result);
  int exit_code() const { return code_; }

 private:
  struct Failure {
    std::size_t job;
    std::string id;
  };

  void say(const BatchEvent& event);
  void draw_line();
  void clear_line();

  const std::vector<BatchJob>& jobs_;
  std::size_t chosen_, ended_ = 0, damaged_ = 0;
  ProgressMode mode_;
  bool quiet_, verbose_, drawn_ = false;
  Pace pace_;
  std::uint64_t bytes_ = 0, casts_ = 0, changed_ = 0;
  std::map<std::size_t, Progress> running_;
  std::vector<Failure> failures_;
  int code_ = 0;
};

}  // namespace tensorferry::cli
