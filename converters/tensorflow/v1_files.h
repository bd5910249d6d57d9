// Which files are a V1 checkpoint: `P`, or all of `P-SSSSS-of-NNNNN`. Needs no library.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tensorferry/input.h"
#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

struct V1Files {
  std::vector<std::shared_ptr<const File>> members;  ///< by number
  std::vector<std::string> missing;                  ///< names of those that are not there
  std::vector<Note> notes;
};

/// Names `prefix`-SSSSS-of-NNNNN of the numbers that `found` does not have. Throws
/// Error(input.missing) for more than a thousand.
std::vector<std::string> missing_numbers(const std::string& prefix, std::uint64_t count,
                                         const std::map<std::uint64_t, std::string>& found);

/// A table whose first entry is the header of a V1 checkpoint. Reads both ends.
bool is_v1_file(const File& file);

/// The file `prefix`, or the files of that prefix; `count` != 0: the set of so many. A set that is
/// complete is taken before one that is not. Nothing: there is none. Throws Error(usage.ambiguous)
/// for several sets of which nothing tells the right one, Error(corrupt.lfs_pointer),
/// Error(input.missing) for more than a thousand missing ones.
std::optional<V1Files> find_v1(const Input& input, const std::string& prefix,
                               std::uint64_t count = 0);

/// What find_v1 takes in the directory of the input, by prefix, sorted. Looks into files whose
/// names are usual for checkpoints.
std::vector<std::string> list_v1(const Input& input);

}  // namespace tensorferry::tensorflow
