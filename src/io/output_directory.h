// Replacing a folder without losing what is not ours.
#pragma once

#include <string>
#include <vector>

#include "tensorferry/input.h"

namespace tensorferry {

struct DirectoryContents {
  bool empty = true;
  std::string foreign;  ///< the first entry that the folder's own manifest.json does not name
  std::vector<FileIdentity> files;  ///< of every plain file in it
};

/// What lies in the folder `name` of `parent`; `shown` is for messages. Throws Error(output).
DirectoryContents look_into(int parent, const std::string& name, const std::string& shown);

/// Removes a folder and the plain files in it; best effort.
void remove_flat_directory(int parent, const std::string& name);

/// rename(2) that fails with EEXIST where the target exists and is not an empty folder. Returns 0
/// or -1, errno set.
int rename_new(int parent, const std::string& from, const std::string& to);

/// Swaps two names. Returns 0 or -1, errno set.
int exchange(int parent, const std::string& one, const std::string& other);

}  // namespace tensorferry
