// Work on a file in a process of its own, which may die of it: for libraries that crash, loop or
// take all memory when a file was made to have them do so.
//
// The process is a fork that ends with the work. It keeps no descriptor but the one to its parent,
// of which it asks the bytes of the file; so no lock of the parent's is taken in it, and any kind
// of File will do. It may use memory and processor, little else (apart_filter.cpp).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tensorferry/input.h"

namespace tensorferry {

/// What the work, in its process, tells the one that waits for it.
class ApartReport {
 public:
  virtual ~ApartReport() = default;
  /// Adds to ApartResult::sent.
  virtual void send(std::string_view bytes) = 0;
  /// What it is at now, for when it dies of it; the first 4 KiB. Cheap.
  virtual void at(std::string_view what) = 0;
};

/// `file` has the bytes of the one that is worked on. Errors that are thrown pass on.
using ApartWork = std::function<void(const std::shared_ptr<const File>& file, ApartReport& report)>;

struct ApartResult {
  std::string sent;
  /// Set when the process died of the work: how, such as "signal 11, SIGSEGV". What it has sent
  /// is of no use then.
  std::optional<std::string> death;
  std::string at;  ///< the last of ApartReport::at
  /// Seconds of processor time, its own and what it took to serve it.
  double seconds = 0;
};

/// Does the work, with memory of 40 MiB and 8 times the file, for a second of processor time and
/// one more for each MiB of it, 0.6 seconds and a sixteenth of one for each MiB without sending
/// anything. Throws what the work throws, Error(unsafe.limit) when it takes more memory, and
/// Error(resources) when the system has no process to give, or something else has killed it.
///
/// What it sends comes from a process that the file may have damaged: it is not to be trusted more
/// than the file.
ApartResult run_apart(const File& file, const ApartWork& work);

}  // namespace tensorferry
