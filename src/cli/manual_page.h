// The manual page, from the same tables as --help.
#pragma once

#include <string>
#include <vector>

#include "commands.h"

namespace tensorferry::cli {

/// tensorferry(1) as roff with the macros of man(7).
std::string manual_page(const std::vector<Command>& commands);

}  // namespace tensorferry::cli
