// Files on disk, and the folder in which siblings are looked up.
#pragma once

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

}  // namespace tensorferry
