// A file that has no final name yet.
#pragma once

#include <filesystem>
#include <string>

#include "io/system.h"
#include "io/temporary_name.h"

namespace tensorferry {

/// Unnamed (O_TMPFILE) where the system can give it a name later, so that not even SIGKILL leaves
/// it; else under a hidden temporary name. Nobody but discard() removes that.
class HiddenFile {
 public:
  HiddenFile() = default;
  /// For the output `base` in `parent`. Throws Error(output) that names `shown`.
  HiddenFile(int parent, const std::string& base, const std::string& shown);

  const Descriptor& fd() const { return fd_; }
  explicit operator bool() const { return static_cast<bool>(fd_); }
  /// Empty = unnamed.
  const std::string& name() const { return name_; }
  /// Under which it can be opened again, in `parent`.
  std::filesystem::path path(const std::filesystem::path& parent) const;

  /// Says to those who look for leftovers that it is none; what the system cannot lock, it cannot.
  void lock();
  /// Before others read it: their libraries lock, too.
  void unlock();

  /// Gives it its final name, which must be free. Returns 0 or -1, errno set.
  int place(int parent, const std::string& name);
  /// Gives it another hidden name, or a first one. Returns 0 or -1, errno set.
  int give_name(int parent, const std::string& base, Hidden kind);
  /// The hidden name is that of another file now, or of none.
  void forget_name() { name_.clear(); }
  /// Removes the hidden name. Whether it is gone; false leaves it.
  bool discard(int parent);
  void close() { fd_.reset(); }
  /// Gives up the descriptor.
  Descriptor take() { return std::move(fd_); }

 private:
  Descriptor fd_;
  std::string name_;
};

/// Whether unnamed files can be given names here.
bool has_unnamed_files();

}  // namespace tensorferry
