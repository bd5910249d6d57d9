// What the parts of this folder offer each other.
#pragma once

#include <memory>

#include "tensorferry/format.h"

namespace tensorferry {

/// Reads checkpoints of both versions, and the constants of graphs.
std::shared_ptr<const Reader> make_tensorflow_reader();

}  // namespace tensorferry
