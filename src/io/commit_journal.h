// For readers: whether a set of files has only some of its names, since it is being given them at
// this moment, or was when its process died.
#pragma once

#include <string>
#include <string_view>

namespace tensorferry {

/// The first line of a journal; the number is its version.
inline constexpr std::string_view commit_journal_title = "tensorferry commit 1";

/// Whether the record of such a set lies in `folder`, and not the set's first file, with which it
/// stands: of a set called `base` or `base`.SOMETHING; of any when `base` is empty. What cannot be
/// looked at has none.
bool has_commit_journal(const std::string& folder, std::string_view base = {});

}  // namespace tensorferry
