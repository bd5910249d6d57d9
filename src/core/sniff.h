// What unknown content looks like, for the message that refuses it.
#pragma once

#include <string_view>

#include "tensorferry/input.h"

namespace tensorferry {

/// "a zip archive written by PyTorch", ...; empty when nothing is recognised.
std::string_view describe_content(const Probe& probe);

}  // namespace tensorferry
