// A whole file into a descriptor that somebody else reads.
#pragma once

#include <atomic>

#include "tensorferry/input.h"

namespace tensorferry {

/// Writes the file to the descriptor, from front to back. Throws Error(output.closed_pipe) when
/// nobody reads it any more, Error(output) for other failures, Error(input.cancelled).
void send(const File& file, int descriptor, const std::atomic<bool>* cancel);

}  // namespace tensorferry
