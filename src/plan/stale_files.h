// What a smaller set of files leaves of the larger one that it replaces.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <utility>

#include "tensorferry/format.h"

namespace tensorferry {

/// A note when the old output that `files` (paths and sizes, the first one names the output) are
/// about to replace consists of files that are not among them: those stay, since nobody knows what
/// else names them.
std::optional<Note> note_stale_files(
    std::span<const std::pair<std::filesystem::path, std::uint64_t>> files, const Format& format,
    const Limits& limits);

}  // namespace tensorferry
