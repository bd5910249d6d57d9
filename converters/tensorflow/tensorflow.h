// What the parts of this folder offer each other.
#pragma once

#include <memory>

#include "tensorferry/format.h"

namespace tensorferry {

/// Reads V2 checkpoints ("tensor bundles").
std::shared_ptr<const Reader> make_tensorflow_reader();

}  // namespace tensorferry
