// What some notes say beside their text.
#pragma once

#include <string_view>

#include "tensorferry/manifest.h"

namespace TENSORFERRY_API tensorferry {

/// The end of identifiers of notes which say that what wrote the file had not finished with it. It
/// is read as far as it goes; the program's `verify` fails.
inline constexpr std::string_view unfinished_suffix = ".unfinished";

inline bool is_unfinished(const Note& note) { return note.id.ends_with(unfinished_suffix); }

}  // namespace tensorferry
