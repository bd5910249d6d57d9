// The hidden names under which outputs are made where unnamed files cannot be.
#pragma once

#include <filesystem>
#include <string>

namespace tensorferry {

/// A new one for the output `base`: ".BASE.PID.RANDOM.tmp".
std::string temporary_name(const std::string& base);

/// Removes what processes that are gone have left of the output `base` in that folder.
void remove_leftovers(const std::filesystem::path& folder, const std::string& base);

}  // namespace tensorferry
