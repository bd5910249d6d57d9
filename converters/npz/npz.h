// NumPy's .npz: a zip archive of .npy files.
#pragma once

#include <memory>
#include <string_view>

#include "tensorferry/format.h"

namespace tensorferry {

Format make_npz_format();
std::shared_ptr<const Reader> make_npz_reader();
std::shared_ptr<const Writer> make_npz_writer();

/// What is behind a tensor's name in the name of its member.
inline constexpr std::string_view npz_extension = ".npy";
/// The member that holds the metadata when the archive comment is too short for it.
inline constexpr std::string_view npz_metadata_member = "tensorferry.json";

}  // namespace tensorferry
