// The hidden names under which outputs are made where unnamed files cannot be.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tensorferry {

/// What lies under a hidden name.
enum class Hidden {
  part,  ///< ".tmp": a part of an output, or the old output where the new one stands already
  old,   ///< ".old": the old files of a set, or a folder that is being exchanged
};

/// A new one for the output `base`: ".BASE.PID.RANDOM.tmp" or ".old".
std::string temporary_name(const std::string& base, Hidden kind = Hidden::part);

/// ".BASE.commit": the record of a set of files that is being given its names.
std::string journal_name(const std::string& base);

/// Removes what processes that are gone have left of the output `base` in that folder; an old
/// folder in which somebody else's files lie is given a name that people see instead. Old files of
/// a set are left to its journal. Returns what a person should know of it. Never throws for what
/// the system refuses.
std::vector<std::string> remove_leftovers(const std::filesystem::path& folder,
                                          const std::string& base);

}  // namespace tensorferry
