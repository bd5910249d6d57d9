// The walk through the groups of a file: which datasets there are, under which paths.
#pragma once

#include <string>

#include "file_driver.h"
#include "tensorferry/manifest.h"

namespace tensorferry::hdf5 {

/// Told what the walk meets, in the order of the file (of creation where it is tracked, else of
/// names).
class Visitor {
 public:
  virtual ~Visitor() = default;
  /// Before what has this path is looked at; the root has none. Errors that it throws are the
  /// problem of that path.
  virtual void coming_to(const std::string& path) = 0;
  /// An open dataset; links that are aliases of each other give the same address.
  virtual void dataset(const std::string& path, hid_t id, haddr_t address) = 0;
  /// Something that cannot be read, and hides what lies below it.
  virtual void problem(const std::string& path, const Error& why) = 0;
  virtual void note(Note note) = 0;
};

/// Visits every dataset under each of its names. No path of the library is followed: links are read
/// one by one, and those that lead out of the file are told as problems. Groups are entered once.
/// Throws Error when the root group cannot be read, Error(unsafe.limit) beyond limits.
void walk(OpenFile& file, const Limits& limits, Visitor& visitor);

}  // namespace tensorferry::hdf5
