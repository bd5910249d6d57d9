// Where bytes come from. Readers open nothing by path: they ask an Input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/export.h"

namespace tensorferry {
class InputSource;  // what an Input stands on: a folder on disk, or a map in memory; not offered
}

namespace TENSORFERRY_API tensorferry {

/// What tells one file from another, and one state of it from another.
struct FileIdentity {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified_ns = 0;
  bool operator==(const FileIdentity&) const = default;
  bool same_file(const FileIdentity& other) const {
    return inode != 0 && device == other.device && inode == other.inode;
  }
};

/// Bytes at offsets: an open descriptor, or memory. All functions are thread-safe.
class File {
 public:
  virtual ~File() = default;
  /// The name for messages.
  virtual const std::string& name() const = 0;
  virtual std::uint64_t size() const = 0;
  /// Fills `bytes` from `offset` or throws: Error(corrupt.truncated) past the end, Error(input)
  /// when the system fails or the file has become shorter.
  virtual void read_at(std::uint64_t offset, std::span<std::byte> bytes) const = 0;
  /// The identity when it was opened; all zero for memory.
  virtual FileIdentity identity() const = 0;
  /// Throws Error(input.changed) when the file is no longer what was opened.
  virtual void check_unchanged() const = 0;
  /// The checksum that read_at verifies by itself, such as "crc32" of a zip member; empty = none.
  virtual std::string_view checked_by() const { return {}; }

  /// read_at into a string, with the length checked against size() first.
  std::string read_string(std::uint64_t offset, std::uint64_t length) const;
};

/// A file in memory.
std::shared_ptr<const File> memory_file(std::string name, std::vector<std::byte> bytes);
std::shared_ptr<const File> memory_file(std::string name, std::string_view bytes);

struct OpenOptions {
  /// Links in the model's folder may lead anywhere. Otherwise those that leave it are refused, with
  /// the exceptions that Input::sibling names.
  bool follow_links = false;
  /// Of what comes through a pipe, this many bytes are kept in memory; more goes to an unnamed
  /// temporary file.
  std::uint64_t spool_memory = 8u << 20;
};

/// What the user pointed at: a file, a directory, or a prefix that several files share
/// (`model.ckpt` of `model.ckpt.index`). Cheap to copy; thread-safe.
class Input {
 public:
  enum class Kind { file, directory, prefix };

  /// A FIFO, a socket, or a path that means one of the process's own descriptors (`/dev/stdin`,
  /// `/dev/fd/63`) is read to its end. Throws Error(input) when nothing of that name exists, and
  /// for devices and files of the kernel.
  static Input open(const std::filesystem::path& path, const OpenOptions& options = {});
  /// What an open descriptor leads to. A pipe or socket is read to its end: one file without
  /// siblings, called "stdin". A regular file is the one of that name, with its siblings, or stands
  /// alone when it has lost its name. `name` is for messages.
  static Input stream(int descriptor, std::string name, const OpenOptions& options = {});
  /// Files in memory, for tests and embedders. `path` names one of `files`, or is empty (the
  /// directory), or is a prefix of several.
  static Input memory(const std::string& path, std::map<std::string, std::string> files);

  Kind kind() const { return kind_; }
  /// As the user wrote it, for messages.
  const std::string& name() const { return name_; }
  /// The last component of a file or prefix; empty for a directory.
  const std::string& leaf() const { return leaf_; }
  /// The file itself. Throws Error(input) for a directory or a prefix.
  std::shared_ptr<const File> file() const;
  /// A file beside the named one, or inside the directory. The name comes from untrusted bytes:
  /// absolute names, `..`, backslashes, NUL, and links that leave the directory throw
  /// Error(unsafe). Links are followed into the `blobs` of a download cache and, when the named
  /// file is a link itself, into the directory of its target; a file that is missing beside that
  /// link is looked for beside the target. Missing: Error(input.missing). A pointer that stands
  /// for a file that was not downloaded: Error(corrupt.lfs_pointer).
  std::shared_ptr<const File> sibling(std::string_view relative) const;
  /// The same for the file that gives a directory its meaning, such as an index: it may be a link
  /// anywhere, as if the user had named it, and its siblings are found as they would be then.
  std::shared_ptr<const File> main_file(std::string_view relative) const;
  /// That file of the directory as an input of its own. Throws as sibling() does.
  Input only_file(std::string_view relative) const;
  bool has_sibling(std::string_view relative) const;
  /// Names of the plain files in that directory (or in a sub-directory of it), sorted. Empty when
  /// it is missing.
  std::vector<std::string> list(std::string_view subdirectory = "") const;
  /// Every file handed out so far, by this Input and its copies.
  std::vector<std::shared_ptr<const File>> opened() const;
  /// Of only_file(): the directory that the user named. Empty otherwise.
  const std::string& found_in() const { return found_in_; }
  /// Whether it came through a pipe and therefore has no siblings.
  bool is_stream() const { return is_stream_; }

  /// For the library itself: `leaf` names one of the source's files, or is empty (the directory),
  /// or is a prefix.
  static Input from_source(std::shared_ptr<const InputSource> source, std::string name,
                           const std::string& leaf);

 private:
  Input(std::shared_ptr<const InputSource> source, Kind kind, std::string name, std::string leaf);
  static Input open_named(const std::string& full, std::string name, std::string shown,
                          std::string leaf, const OpenOptions& options);
  static Input from_pipe(int descriptor, std::string name, std::string leaf,
                         const OpenOptions& options);

  std::shared_ptr<const InputSource> source_;
  Kind kind_;
  bool is_stream_ = false;
  std::string name_, leaf_, found_in_;
  std::shared_ptr<const File> file_;
};

/// What a format's probe is shown: nothing is read twice.
struct Probe {
  const Input& input;
  std::string_view prefix;     ///< the first 4096 bytes of a file; empty for a directory or prefix
  std::string_view suffix;     ///< the last 4096 bytes
  std::uint64_t size;          ///< of the file
  std::string_view extension;  ///< of the leaf, lower case, with the dot
};

}  // namespace tensorferry
