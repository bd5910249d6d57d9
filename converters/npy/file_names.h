// The names of files for tensors, one file a tensor, all in one folder.
//
// A-Z a-z 0-9 . _ - stay; every other byte becomes %XX. Escaped as well are
//   - a first `.` or `-` and a last `.`       (hidden files, `..`, options of commands, Windows
//   drops a last dot)
//   - the first byte of a Windows device name (`con.weight`)
//   - all capitals of names that differ only in case from one another (`W`, `w`)
// An empty name is `%`. What comes out longer than 200 bytes is its first 166 bytes at most, `%~`
// and 32 hex digits of SHA-256(name); only a manifest knows the whole name. The rule is injective,
// even where case is ignored, and undone by percent-decoding.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tensorferry {

/// The file name of each of `names`, without extension. `names` are distinct; the result is so,
/// ignoring case.
std::vector<std::string> file_names(const std::vector<std::string_view>& names);

/// The name that `file`, without extension, was made from; nothing when it is none of ours, or too
/// long to hold the whole name.
std::optional<std::string> name_of_file(std::string_view file);

}  // namespace tensorferry
