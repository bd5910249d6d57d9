// Replacing a folder without losing what is not ours.
#pragma once

#include <string>
#include <vector>

#include "io/file_state.h"
#include "tensorferry/input.h"

namespace tensorferry {

struct DirectoryContents {
  struct Item {
    std::string name;
    FileState state;
  };
  bool empty = true;
  /// The first entry that is not recognised as written by this program: it must be a regular file,
  /// be named by the folder's own manifest.json, and look like what is said of it there.
  std::string foreign;
  std::vector<Item> files;  ///< every regular file, in the order of names
};

/// What lies in the folder `name` of `parent`; `shown` is for messages. What is in `known` and has
/// not changed since is not looked at again. Throws Error(output).
DirectoryContents look_into(int parent, const std::string& name, const std::string& shown,
                            const DirectoryContents& known = {});

/// Removes what a folder that was never given its final name holds, and the folder. Whether it is
/// gone.
bool remove_flat_directory(int parent, const std::string& name);

/// Removes from the replaced folder, which lies under a hidden name now, the files that still are
/// what `checked` says, then the folder. What anybody else has put there stays, under a name beside
/// `base` that people see. Returns what there is to tell; empty = all gone.
std::string remove_replaced_folder(int parent, const std::string& hidden, const std::string& base,
                                   const DirectoryContents& checked);

/// The same for a folder that a killed process has left in the middle of an exchange.
std::string remove_interrupted_folder(int parent, const std::string& hidden,
                                      const std::string& base);

/// rename(2) that fails with EEXIST where the target exists and is not an empty folder. Returns 0
/// or -1, errno set.
int rename_new(int parent, const std::string& from, const std::string& to);

/// Swaps two names. Returns 0 or -1, errno set; EINVAL or ENOSYS where the file system cannot.
int exchange(int parent, const std::string& one, const std::string& other);

}  // namespace tensorferry
