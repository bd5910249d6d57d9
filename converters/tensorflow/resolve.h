// From what the user pointed at to the index of one checkpoint.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tensorferry/input.h"
#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

/// A checkpoint, and what it is made of.
struct Resolved {
  enum class Kind : std::uint8_t {
    bundle,   ///< V2: `prefix`.index and the data files beside it
    v1,       ///< V1: `prefix` itself, or files `prefix`-SSSSS-of-NNNNN
    parts,    ///< V2 bundles of several workers that were not merged: all of them together
    nothing,  ///< a SavedModel whose graph has no variables
  };
  Kind kind = Kind::bundle;
  bool is_part = false;               ///< V2: slices of partitioned tensors may lie in another part
  std::shared_ptr<const File> index;  ///< V2
  std::vector<std::shared_ptr<const File>> members;  ///< V1, in the order of their numbers
  std::vector<Resolved> parts;                       ///< each a bundle
  std::vector<std::string> missing;                  ///< members or parts that are not there
  std::string prefix;                                ///< relative to the directory of the Input
  std::vector<Note> notes;                           ///< what was chosen, where there was a choice
};

/// Takes a prefix, an index, a data shard, a `.meta`, a V1 file or one of several, the file
/// `checkpoint`, `saved_model.pb`, and a directory: of a SavedModel, with a file `checkpoint`, or
/// with one checkpoint. Names are literal: no globs. V2 wins over V1 of the same prefix.
///
/// Throws Error(input.missing), Error(usage.ambiguous) listing several checkpoints of which nothing
/// tells the right one, Error(unsafe.path) for a `checkpoint` file that points out of its
/// directory, Error(corrupt.lfs_pointer).
Resolved resolve(const Input& input);

/// `P.data-SSSSS-of-NNNNN`.
std::string shard_name(const std::string& prefix, std::int32_t shard, std::int32_t shards);

}  // namespace tensorferry::tensorflow
