// What unknown content looks like, for the message that refuses it.
#pragma once

#include <string_view>

#include "tensorferry/input.h"

namespace tensorferry {

/// Content as a person would call it.
struct Content {
  std::string_view description;  ///< "a zip archive written by PyTorch"; empty: not recognised
  /// Of a kind that is part of no model here: an archive, a web page, a program. Where such a file
  /// stands in the place of another one, that is what is the matter.
  bool foreign = false;
};

Content describe_content(const Probe& probe);

}  // namespace tensorferry
