// A set of files that gets its names at once: what is moved where, written down before it is moved.
//
// The files stand in the order of what they mean: each of them makes the ones after it readable (an
// index its shards). They leave in that order and come in the opposite one, so that no moment shows
// a set that is part old and part new. The set stands when the first file does.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/file_state.h"
#include "io/system.h"

namespace tensorferry {

struct SetFile {
  std::string name;                 ///< the final one
  FileIdentity fresh;               ///< the new file
  std::optional<FileIdentity> old;  ///< the file that is replaced
  std::string aside;                ///< its hidden name meanwhile
};

/// The record of a set that is being given its names, under a hidden name that follows from that of
/// its first file. Whoever finds one that nobody holds can finish or undo what was begun.
class SetJournal {
 public:
  /// Writes it. Throws Error(output.busy) when another process is at the same set.
  SetJournal(int parent, std::vector<SetFile> files, bool sync, const std::string& shown);
  SetJournal(SetJournal&&) = default;
  SetJournal& operator=(SetJournal&&) = default;

  std::vector<SetFile>& files() { return files_; }

  /// Moves the old files aside. Throws Error(output).
  void move_aside(const std::string& shown) const;
  /// Writes down that the new files have their names. Best effort.
  void mark_standing() const;
  /// Puts the old files back and removes the new ones. Returns what could not be done; empty = all
  /// is as before and the journal is gone.
  std::string undo();
  /// Removes the old files, then the journal. Returns what could not be removed.
  std::vector<std::string> finish();

 private:
  int parent_;
  Descriptor fd_;
  std::string name_;
  std::vector<SetFile> files_;
};

/// Finishes or undoes what an interrupted run has left of the set whose first file is `base`.
/// Returns what was done; empty = there was nothing. Throws Error(output.busy) when that run is
/// alive, Error(output.interrupted) when it cannot be mended.
std::string mend_interrupted_set(int parent, const std::string& base, const std::string& shown);

}  // namespace tensorferry
