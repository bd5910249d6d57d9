// What every file operation needs of the system: descriptors that close themselves, errors with a
// name.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "tensorferry/error.h"

namespace tensorferry {

/// An owned descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  /// Gives the descriptor up without closing it.
  int release() { return std::exchange(fd_, -1); }
  /// Closes; errors are ignored (reading, or a file that is given up).
  void reset();
  /// Closes and says whether the system reported success; errno is set.
  bool close();

 private:
  int fd_ = -1;
};

/// "pwrite: ENOSPC (No space left on device)".
std::string system_message(const char* operation, int error);

/// An Error for a failed system call; running out of memory or descriptors is ErrorCode::resources
/// whatever `code`.
Error system_error(ErrorCode code, const char* operation, int error, const std::string& file);

/// Absolute and without `.`, `..` and doubled slashes, which are taken out without looking at
/// links. Throws Error(code.working_folder) for a relative path when the current folder is gone.
std::filesystem::path absolute_path(const std::filesystem::path& path, ErrorCode code);

/// Where the path leads through all links; empty when it leads nowhere.
std::string real_path(const std::string& path);

}  // namespace tensorferry
