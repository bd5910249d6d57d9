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

/// What the user pointed at: a file, a directory, or a prefix that several files share
/// (`model.ckpt` of `model.ckpt.index`). Cheap to copy; thread-safe.
class Input {
 public:
  enum class Kind { file, directory, prefix };

  /// Throws Error(input) when nothing of that name exists, or when it is neither a regular file nor
  /// a directory.
  static Input open(const std::filesystem::path& path);
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
  /// absolute names,
  /// `..`, backslashes, NUL, and links that leave the directory throw Error(unsafe); links into the
  /// directory tree that the model's own link points into (download caches) are followed. Missing:
  /// Error(input.missing).
  std::shared_ptr<const File> sibling(std::string_view relative) const;
  bool has_sibling(std::string_view relative) const;
  /// Names of the plain files in that directory (or in a sub-directory of it), sorted. Empty when
  /// it is missing.
  std::vector<std::string> list(std::string_view subdirectory = "") const;
  /// Every file handed out so far, by this Input and its copies.
  std::vector<std::shared_ptr<const File>> opened() const;

  /// For the library itself: `leaf` names one of the source's files, or is empty (the directory),
  /// or is a prefix.
  static Input from_source(std::shared_ptr<const InputSource> source, std::string name,
                           const std::string& leaf);

 private:
  Input(std::shared_ptr<const InputSource> source, Kind kind, std::string name, std::string leaf);

  std::shared_ptr<const InputSource> source_;
  Kind kind_;
  std::string name_, leaf_;
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
