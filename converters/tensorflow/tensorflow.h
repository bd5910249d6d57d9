// What the parts of this folder offer each other.
#pragma once

#include <memory>

#include "tensorferry/format.h"

namespace tensorferry {

/// Reads checkpoints of both versions, and the constants of graphs.
std::shared_ptr<const Reader> make_tensorflow_reader();
/// Writes V2 checkpoints.
std::shared_ptr<const Writer> make_tensorflow_writer();

}  // namespace tensorferry
