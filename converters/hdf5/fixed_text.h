// Strings that each take the same number of bytes. Pure; facts: the HDF5 Reference Manual,
// H5Tset_strpad.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tensorferry::hdf5 {

/// What fills up a string that is shorter than its element. The numbers are those of the file.
enum class TextPadding : std::uint8_t { terminated = 0, nulls = 1, spaces = 2 };

/// The strings in `all`, each of `bytes` bytes (not 0), without what fills them up: NUL and what
/// follows it, trailing NULs, or trailing spaces.
std::vector<std::string> split_fixed_texts(std::string_view all, std::size_t bytes,
                                           TextPadding padding);

}  // namespace tensorferry::hdf5
