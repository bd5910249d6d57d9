// Files on disk, and the folder in which siblings are looked up.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "io/system.h"
#include "tensorferry/input.h"

namespace tensorferry {

/// Opens a file again, with the same checks as the first time. Thread-safe. Throws Error.
using Opener = std::function<Descriptor()>;

/// A regular file that is opened when it is read and closed again when too many files are open.
/// `name` is for messages. Throws Error(input) when it is not a regular file.
std::shared_ptr<const File> disk_file(std::string name, Opener open);

/// Opens a path that a person gave; never blocks on a FIFO.
Descriptor open_path(const std::string& path, const std::string& name);

/// Throws Error(input.special_file) when a file of this mode holds no bytes that can be read at
/// offsets.
void refuse_special(mode_t mode, const std::string& name);

/// Throws Error(corrupt.truncated) unless the bytes lie within `size`.
void check_range(const std::string& name, std::uint64_t offset, std::uint64_t length,
                 std::uint64_t size);

}  // namespace tensorferry
