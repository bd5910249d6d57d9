// The C++ side of converters/CMakeLists.txt; the definition is generated.
#pragma once

#include <vector>

#include "tensorferry/format.h"

namespace tensorferry {

std::vector<Format> builtin_formats();

}  // namespace tensorferry
