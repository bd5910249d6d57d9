// Files of a model that are not there, told once and not by each of their tensors.
#pragma once

#include <optional>

#include "tensorferry/manifest.h"

namespace tensorferry {

/// How many files are missing, how many tensors with them, and which files: from the problems of
/// the tensors. Nothing when all are there.
std::optional<Note> missing_files(const Manifest& manifest);

}  // namespace tensorferry
