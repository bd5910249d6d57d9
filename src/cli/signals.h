// What the program does about signals and descriptors; the library does none of it.
#pragma once

#include <atomic>

namespace tensorferry::cli {

/// Once, at the start of the program: writes into a closed pipe and above the file size limit
/// become errors, as many descriptors may be open as the system allows, and 0, 1 and 2 are never
/// those of a model's file.
void prepare_process();

/// Ends the program the way an unhandled `signal` would, so that the parent sees it.
[[noreturn]] void die_by_signal(int signal);

/// While it lives, SIGINT, SIGTERM and SIGHUP set a flag instead of ending the program; a second
/// one ends it. Those that the parent has told us to ignore stay ignored. One at a time.
class CancelOnSignal {
 public:
  CancelOnSignal();
  ~CancelOnSignal();
  CancelOnSignal(const CancelOnSignal&) = delete;
  CancelOnSignal& operator=(const CancelOnSignal&) = delete;

  const std::atomic<bool>* flag() const;
  /// The signal that came, or 0.
  int received() const;
};

}  // namespace tensorferry::cli
