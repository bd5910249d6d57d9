// Carrying out a plan: the options that say how, progress, signals.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arguments.h"
#include "progress.h"
#include "tensorferry/convert.h"

namespace tensorferry::cli {

/// -j --memory-limit; -n --json --progress -q -v
std::vector<OptionGroup> running_options();

class PlanRunner {
 public:
  /// Adds those options to `run`, and to `read` what they say of memory. Throws Error(usage).
  PlanRunner(const Arguments& arguments, ReadOptions& read, const RunOptions& run);

  RunOptions options;
  bool quiet, verbose;

  /// Runs the plan with progress; a signal ends it, and then the program. `finish` is called with
  /// the receipt of an output that is complete.
  void run(ConversionPlan plan, const std::function<void(Receipt&)>& finish);
  /// On standard output; on standard error when the output itself goes to a stream.
  void say(const std::string& text) const;

 private:
  std::unique_ptr<ProgressDisplay> progress_;
};

/// The target, and the file beside it when there is just one: for summary().
std::string output_names(const std::string& target, const Layout& layout);

/// "OUT: 2 tensors, 1.5 MiB in 0.01 s, 150.0 MB/s; ..." with a line end.
std::string summary(const std::string& target, const Receipt& receipt);

}  // namespace tensorferry::cli
