// Bytes in a temporary file that nobody else sees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "io/system.h"

namespace tensorferry {

/// The folders in which temporary files are made, best first: TMPDIR, /var/tmp, /tmp.
std::vector<std::string> temporary_folders();

/// An unnamed file in one of them, which ends with this object.
class PrivateCopy {
 public:
  /// `name`: what is copied, for messages. Throws Error(resources).
  explicit PrivateCopy(std::string name);
  /// Throws Error(resources.spool) when there is no room.
  void append(std::span<const std::byte> bytes);
  std::uint64_t size() const { return size_; }
  /// \pre offset + bytes.size() <= size()
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const;

 private:
  std::string name_;
  Descriptor fd_;
  std::uint64_t size_ = 0;
};

}  // namespace tensorferry
