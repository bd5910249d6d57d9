// Strings that each take the same number of bytes. Pure; facts: the HDF5 Reference Manual,
// H5Tset_strpad.
#pragma once

#include <hdf5.h>

#include <string>
#include <string_view>
#include <vector>

namespace tensorferry::hdf5 {

/// The strings in `all`, each of `bytes` bytes (not 0), without what fills them up: NUL and what
/// follows it, trailing NULs, or trailing spaces.
std::vector<std::string> split_fixed_texts(std::string_view all, std::size_t bytes,
                                           H5T_str_t padding);

}  // namespace tensorferry::hdf5
