// Output that goes to a pipe instead of to a file of its own.
#pragma once

#include <string>

#include "tensorferry/convert.h"

namespace tensorferry::cli {

/// What an operand that names an output means.
struct Target {
  /// The path; of a stream a name with the extension of its format.
  std::string path;
  /// RunOptions::stream
  int stream = -1;
};

/// `-`, /dev/stdout and the like are the descriptor itself, which is never replaced by a file.
/// `to`: the format's name, which a stream needs, since its name says nothing. Throws Error(usage)
/// without it, and for a terminal.
Target output_target(const std::string& operand, const std::string& to);

}  // namespace tensorferry::cli
