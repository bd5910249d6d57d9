// Output that appears complete or not at all.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/hidden_file.h"
#include "io/output_bytes.h"
#include "io/output_directory.h"
#include "io/set_journal.h"
#include "io/system.h"
#include "tensorferry/input.h"
#include "tensorferry/manifest.h"

namespace tensorferry {

/// The files of one output, written under names that nobody sees and given their final names by
/// commit().
///
/// A file is created unnamed (O_TMPFILE) beside its final place where the system can, so that not
/// even SIGKILL leaves anything; otherwise under a hidden temporary name. A directory is built
/// under such a name and renamed. Several files get their names at once (SetJournal). What is
/// replaced is there until the new output is known to last, and comes back after an error. Whatever
/// is not committed is removed by abandon() or the destructor. Permissions follow the umask; a
/// replaced file keeps its mode, and its owner where this process may give files away.
class OutputFiles {
 public:
  struct Target {
    std::filesystem::path path;  ///< what the user named
    bool directory = false;      ///< `names` are files in it; otherwise names[0] is empty and the
                                 ///< others are siblings
    /// Of the files; the text must outlive this object. Each file makes the ones after it readable.
    std::vector<std::string_view> names;
    bool overwrite = false;
  };

  /// Checks everything that can be checked before data is read: parent, existing targets, targets
  /// that are `sources`. Mends what an interrupted run has left. Throws Error(output).
  OutputFiles(Target target, std::span<const std::shared_ptr<const File>> sources);
  ~OutputFiles();

  /// Makes the hidden directory of a directory output. Once, before open().
  void prepare_directory();
  /// Creates file `index` for reading and writing, or opens it again.
  Descriptor open(std::size_t index);

  /// Takes a complete file back, after making its contents durable when `sync`.
  void complete(std::size_t index, Descriptor fd, bool sync);

  /// The complete output as a reader finds it under its final names, and nothing else that lies
  /// there. Before commit(); the files handed out must be let go before this object is.
  Input as_input() const;

  /// Makes the contents of all files durable at once; what other programs wrote to that file
  /// system, too.
  void sync_all();
  /// Gives everything its final name. `sync`: the new directory entries are made durable. After an
  /// error all is as it was before, or the error says what is not.
  void commit(bool sync);

  /// Removes what is not committed. Returns what could not be removed, as part of a message; empty
  /// = nothing is left.
  std::string abandon();
  /// What a person should know of what lay there before.
  const std::vector<Note>& notes() const { return notes_; }

 private:
  struct Entry {
    std::string final_name;  // in the parent directory
    HiddenFile file;
    bool exists = false;
    bool empty_directory = false;  // that exists, and need not be kept
    struct stat old {};            // of what is replaced
  };

  /// Under which the file that open() gave can be opened again while that descriptor is open.
  std::filesystem::path path_of(std::size_t index) const;
  std::string shown(const Entry& entry) const;
  void check_parent();
  void mend();
  void check_target(Entry& entry, std::span<const std::shared_ptr<const File>> sources);
  void check_directory(Entry& entry, std::span<const std::shared_ptr<const File>> sources);
  void lock_set();
  void make_directory();
  void keep_owner_and_mode(const Entry& entry, int fd) const;
  void keep_owner_of_files(const Entry& entry) const;
  void refuse_changed(const Entry& entry, const struct stat& now) const;
  void place(Entry& entry);
  void commit_file(bool sync);
  void replace_file(Entry& entry, bool sync);
  void commit_set(bool sync);
  std::vector<SetFile> set_files();
  void commit_directory(bool sync);
  void replace_directory(Entry& entry, bool sync);
  void replace_directory_in_steps(Entry& entry, bool sync);
  void sync_parent() const;
  void note(std::string_view id, std::string text);

  Target target_;
  std::filesystem::path parent_;
  Descriptor parent_fd_, directory_fd_, old_set_;
  std::string directory_temp_;
  DirectoryContents old_directory_;
  std::vector<Entry> entries_;  // one a file; for a directory the one of the directory itself
  std::vector<Note> notes_;
  bool committed_ = false;
};

}  // namespace tensorferry
