// The hidden names under which outputs are made where unnamed files cannot be.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tensorferry {

/// What lies under a hidden name.
enum class Hidden {
  part,  ///< ".tmp": a part of an output
  old,   ///< ".old": what is being replaced, or is about to replace it
};

/// A new one for the output `base`: ".BASE.PID.RANDOM.tmp" or ".old".
std::string temporary_name(const std::string& base, Hidden kind = Hidden::part);

/// ".BASE.commit": the record of a set of files that is being given its names.
std::string journal_name(const std::string& base);

/// Removes what processes that are gone have left of the output `base` in that folder, once its
/// journal has been followed. What was replaced comes back where nothing has its name; an old
/// folder in which somebody else's files lie is given a name that people see. Returns what a person
/// should know of it. Never throws for what the system refuses.
std::vector<std::string> remove_leftovers(const std::filesystem::path& folder,
                                          const std::string& base);

}  // namespace tensorferry
