// From what the user pointed at to the index of one checkpoint.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tensorferry/input.h"
#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

/// A checkpoint: `prefix`.index and the data files beside it.
struct Resolved {
  std::shared_ptr<const File> index;
  std::string prefix;       ///< relative to the directory of the Input
  std::vector<Note> notes;  ///< what was chosen, where there was a choice
};

/// Takes a prefix, an index, a data shard, a `.meta`, the file `checkpoint`, `saved_model.pb`, and
/// a directory: of a SavedModel, with a file `checkpoint`, or with one index. Names are literal: no
/// globs.
///
/// Throws Error(input.missing), Error(usage.ambiguous) listing several checkpoints of which nothing
/// tells the right one, Error(unsafe.path) for a `checkpoint` file that points out of its
/// directory, Error(unsupported.v1_checkpoint), Error(corrupt.lfs_pointer), Error(corrupt.magic).
Resolved resolve(const Input& input);

/// `P.data-SSSSS-of-NNNNN`.
std::string shard_name(const std::string& prefix, std::int32_t shard, std::int32_t shards);

/// Whether the file holds the text that Git-LFS leaves in place of a large file. Reads a few bytes
/// of a short file.
bool is_lfs_pointer_file(const File& file);

}  // namespace tensorferry::tensorflow
