// The options of a conversion, for the commands that convert: a line of a batch has the same ones.
#pragma once

#include <vector>

#include "arguments.h"
#include "tensorferry/convert.h"

namespace tensorferry::cli {

/// Of the writer and the new file, for every command that makes one.
OptionGroup writing_options();

/// Those that decide over one output. What decides over a run (threads, memory, progress) is left
/// to each command.
std::vector<OptionGroup> conversion_options();

/// What they say. Throws Error(usage).
ConvertOptions convert_options(const Arguments& arguments);

}  // namespace tensorferry::cli
