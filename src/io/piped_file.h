// What can be read only once, from front to back: pipes and sockets.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/input_source.h"
#include "tensorferry/input.h"

namespace tensorferry {

/// Reads the descriptor to its end. Up to `memory` bytes are kept in memory, more in an unnamed
/// temporary file. Throws Error(input.empty) when nothing comes.
std::shared_ptr<const File> piped_file(std::string name, int descriptor, std::uint64_t memory);

/// The folder of a file that has none: every sibling is refused with the reason.
std::shared_ptr<const InputSource> no_siblings(std::string name);

}  // namespace tensorferry
