// What numpy has no place for, as one JSON object: in the archive comment, or in a member of its
// own.
//
//   {"KEY": "text", "tensorferry.tensors": {...}, ...}     the entries of util/metadata_entries.h;
//   what those of ours hold
//                                                          as JSON text stands here as JSON
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "util/metadata_entries.h"

namespace tensorferry::npz {

/// Empty when there is nothing to say.
std::string metadata_text(const MetadataEntries& entries);
/// Nothing when the text is no object of that kind: a comment of somebody else.
MetadataEntries metadata_from_text(std::string_view text, const Limits& limits);

/// The name that each tensor has in the archive, without extension. A name stands as it is unless
/// Python's zipfile or numpy would not give it back: not UTF-8, with NUL or a backslash, or ending
/// in `.npy` beside a tensor of the same name without. Then every such byte, what is no ASCII, and
/// `%` become `%XX`.
class Names {
 public:
  /// Keeps a reference. Throws Error(unsupported.names) listing names that are too long and escaped
  /// ones that another tensor has.
  explicit Names(const Manifest& manifest);

  std::size_t size() const { return manifest_.tensors.size(); }
  const std::string& of(std::size_t tensor) const;
  /// Whether a tensor has that name.
  bool contains(std::string_view name) const;

 private:
  const Manifest& manifest_;
  std::unordered_map<std::size_t, std::string> escaped_;
};

}  // namespace tensorferry::npz
