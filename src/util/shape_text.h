// Shapes as people and tags write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tensorferry/dtype.h"

namespace tensorferry {

/// "784,128"; empty for a scalar.
std::string shape_to_text(const Shape& shape);
/// Undoes it; nothing for anything else, extents above 2^64 - 1 included.
std::optional<Shape> shape_from_text(std::string_view text);

}  // namespace tensorferry
