// Commands that read whole models through: threads, progress, and signals.
#pragma once

#include <functional>

#include "arguments.h"
#include "tensorferry/compare.h"

namespace tensorferry::cli {

/// --threads --progress
OptionGroup scan_options();

/// Runs `work` with what those options say. A signal that comes meanwhile ends the program by that
/// signal once `work` has thrown; what is on the stack of the caller is not cleaned up then, what
/// is on that of `work` is. Throws Error.
void scan(const Arguments& arguments, const std::function<void(const ScanOptions&)>& work);

/// The exit code for tensors that could not be read: damage before everything else, 0 without any.
class WorstProblem {
 public:
  void add(const Error& problem);
  int code() const { return code_; }

 private:
  int code_ = 0;
};

}  // namespace tensorferry::cli
