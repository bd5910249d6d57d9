// What `batch` tells while it runs and at the end.
#pragma once

#include <chrono>
#include <cstddef>
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

class BatchReport {
 public:
  /// `mode` is auto, none or json. Throws Error(usage.bad_value).
  BatchReport(const std::vector<BatchJob>& jobs, std::size_t chosen, std::string_view mode,
              bool quiet, bool verbose);
  ~BatchReport() { clear_line(); }
  BatchReport(const BatchReport&) = delete;
  BatchReport& operator=(const BatchReport&) = delete;

  /// One at a time.
  void tell(const BatchEvent& event);
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
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now(), last_draw_{};
  std::uint64_t bytes_ = 0, casts_ = 0, changed_ = 0;
  std::vector<Failure> failures_;
  int code_ = 0;
};

}  // namespace tensorferry::cli
