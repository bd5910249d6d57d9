// What a smaller set of files leaves of the larger one that it replaces.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "tensorferry/format.h"

namespace tensorferry {

/// A note when the output `old`, which is about to be replaced, consists of files beside it that
/// are not among `replaced`: they stay, since nobody knows what else names them.
std::optional<Note> note_stale_files(const std::filesystem::path& old, const Format& format,
                                     std::span<const std::filesystem::path> replaced,
                                     const Limits& limits);

}  // namespace tensorferry
