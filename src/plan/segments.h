// Segments that replace bytes of files that are otherwise complete.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "io/system.h"
#include "tensorferry/layout.h"

namespace tensorferry {

/// Writes segment `first` and those that follow it in its window, and returns the next one. Many
/// short ones (a checksum beside each small tensor) are put into what lies there already. `fd` is
/// their file, called `name`.
std::size_t write_neighbours(const std::vector<Segment>& segments, std::size_t first,
                             const Descriptor& fd, const std::string& name);

}  // namespace tensorferry
