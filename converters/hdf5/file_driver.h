// A driver of the HDF5 library that reads one of our File objects and opens nothing.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "library.h"
#include "tensorferry/input.h"

namespace tensorferry::hdf5 {

/// Throws the driver's error when it met one, else Error(corrupt) or
/// Error(unsupported) with the library's reason for the call that has just failed.
[[noreturn]] void throw_read_error(std::string_view doing);

/// The result of a call that reads, which is negative when it failed.
template <typename Result>
Result readable(Result result, std::string_view doing) {
  if (result < 0) throw_read_error(doing);
  return result;
}

/// A handle from a call that reads.
inline Handle readable_handle(hid_t id, Handle::Close closer, std::string_view doing) {
  return Handle(readable(id, doing), closer);
}

/// The file that an open object lies in, and where its addresses count from.
struct Source {
  const File* file;
  std::uint64_t base;
};
Source source_of(hid_t object);

/// An object of the file that `other` lies in. Throws Error(unsafe.virtual) for a virtual dataset,
/// and Error(corrupt) for what check_messages refuses: the library is not to look at those at all.
Handle open_object(hid_t other, haddr_t address);

/// The root group of the file that `other` lies in, opened in the same way.
Handle open_root(hid_t other);

/// Bytes that the library is shown in place of those of the file (header_patch.h), by where they
/// begin. They do not overlap.
using ShownBytes = std::map<std::uint64_t, std::string>;

/// While one lives, the elements that the library reads of the file of `object` are not read: it is
/// remembered where they lie.
class RawReadCatcher {
 public:
  struct Place {
    std::uint64_t offset, bytes;  ///< in the file
  };

  explicit RawReadCatcher(hid_t object);
  ~RawReadCatcher();
  RawReadCatcher(const RawReadCatcher&) = delete;
  RawReadCatcher& operator=(const RawReadCatcher&) = delete;

  /// The last read; nothing when there was none.
  const std::optional<Place>& caught() const { return caught_; }

 private:
  std::optional<Place> caught_;
  std::optional<Place>** place_;
};

/// `file`, opened read-only by the library.
class OpenFile {
 public:
  /// Throws Error(corrupt.truncated), Error(corrupt), Error(unsupported) or what the file throws.
  explicit OpenFile(std::shared_ptr<const File> file);

  hid_t id() const { return id_.id(); }

 private:
  std::shared_ptr<const File> file_;
  std::unique_ptr<ShownBytes> shown_;
  Handle id_;
};

}  // namespace tensorferry::hdf5
