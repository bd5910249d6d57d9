// NumPy's .npy: one array a file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tensorferry/format.h"

namespace tensorferry {

Format make_npy_format();
std::shared_ptr<const Reader> make_npy_reader();
std::shared_ptr<const Writer> make_npy_writer();

/// The files of a folder that are called .npy, hidden ones left out.
std::vector<std::string> npy_files(const Input& folder);
/// Whether the folder has a manifest.json of ours.
bool has_npy_manifest(const Input& folder);

}  // namespace tensorferry
