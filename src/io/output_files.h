// Output that appears complete or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/system.h"
#include "tensorferry/input.h"

namespace tensorferry {

/// The files of one output, written under names that nobody sees and given their final names by
/// commit().
///
/// A file is created unnamed (O_TMPFILE) beside its final place where the system can, so that not
/// even SIGKILL leaves anything; otherwise under a hidden temporary name. A directory is built
/// under such a name and renamed. Whatever is not committed is removed by the destructor.
/// Permissions follow the umask; a replaced file keeps its mode.
class OutputFiles {
 public:
  struct Target {
    std::filesystem::path path;  ///< what the user named
    bool directory = false;      ///< `names` are files in it; otherwise names[0] is empty and the
                                 ///< others are siblings
    std::vector<std::string_view> names;  ///< of the files; the text must outlive this object
    bool overwrite = false;
  };

  /// Checks everything that can be checked before data is read: parent, existing targets, targets
  /// that are `sources`. Throws Error(output).
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
  /// Gives everything its final name. `sync`: the new directory entries are made durable.
  void commit(bool sync);

 private:
  struct Entry {
    std::string final_name;  // in the parent directory
    std::string temp_name;   // empty = unnamed
    Descriptor fd;
    bool exists = false;
    bool empty_directory = false;  // that exists, and need not be kept
    unsigned mode = 0;             // of the file that is replaced
    bool created = false;
  };

  /// Under which the file that open() gave can be opened again while that descriptor is open.
  std::filesystem::path path_of(std::size_t index, const Descriptor& open) const;
  std::string shown(const Entry& entry) const;
  void check_parent();
  void check_target(Entry& entry, std::span<const std::shared_ptr<const File>> sources);
  void make_directory();
  void place_file(Entry& entry);
  void commit_directory(bool sync);

  Target target_;
  std::filesystem::path parent_;
  Descriptor parent_fd_, directory_fd_;
  std::string directory_temp_;
  std::vector<Entry> entries_;  // one a file; for a directory the one of the directory itself
  bool proc_ = false;
  bool committed_ = false;
};

/// Free bytes for unprivileged writers on the file system that holds `directory`.
std::uint64_t free_bytes(const std::filesystem::path& directory);

/// Reserves the whole file at once, so that a full disk is known before any work. Systems that
/// cannot are ignored.
void reserve(const Descriptor& fd, std::uint64_t size, const std::string& name);

/// Writes everything, whatever the system does in pieces.
void write_at(const Descriptor& fd, std::uint64_t offset, std::span<const std::byte> bytes,
              const std::string& name);
/// Reads back what was written.
void read_at(const Descriptor& fd, std::uint64_t offset, std::span<std::byte> bytes,
             const std::string& name);

}  // namespace tensorferry
