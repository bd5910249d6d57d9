// What stat says of a file, as far as it tells files and their states apart.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

#include "tensorferry/input.h"

namespace tensorferry {

/// One state of one file. The time of change cannot be set by a program: a file that was rewritten
/// and given its old time back differs in it.
struct FileState {
  FileIdentity identity;
  std::int64_t changed_ns = 0;
  bool operator==(const FileState&) const = default;
};

inline std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

inline FileIdentity identity_of(const struct stat& s) {
  return {static_cast<std::uint64_t>(s.st_dev), static_cast<std::uint64_t>(s.st_ino),
          static_cast<std::uint64_t>(s.st_size), nanoseconds(s.st_mtim)};
}

inline FileState state_of(const struct stat& s) { return {identity_of(s), nanoseconds(s.st_ctim)}; }

}  // namespace tensorferry
