// Weights that Keras 3 splits over several files, and the JSON beside them that lists them.
//
//   model.weights.json     {"metadata": {"total_size": ...},
//                           "weight_map": {"/layers/dense/vars": FILE or [FILE, ...], ...}}
//   model_00000.weights.h5, model_00001.weights.h5, ...
//                          each a `weights` layout (keras.h); the variables of one group may lie in
//                          several, and the group's name is then in only one of them
//
// Facts: the sources of Keras 3.10 to 3.15 (saving_lib.py, ShardedH5IOStore).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "keras.h"
#include "tensorferry/input.h"

namespace tensorferry::hdf5 {

inline constexpr std::string_view keras_index_suffix = ".weights.json";

/// Whether that is such an index, by its name and its first bytes, or a folder with one.
bool is_keras_index(const Probe& probe);
/// The name of the only index in a folder; empty unless there is exactly one.
std::string keras_index_in(const Input& folder);

/// Reads a file, and looks up the names of these groups, too (keras_layout).
using ReadShard = std::function<Contents(const std::shared_ptr<const File>& file,
                                         const std::vector<std::string>& groups)>;

/// The files that the index `file` lists, as one; `name` is its name in the folder. What lies in
/// two of them, and what the index promises and none has, gets a problem; notes tell what it does
/// not list. Throws Error(corrupt.json), Error(corrupt.index), Error(unsafe.limit), Error(unsafe)
/// for names of files that lead elsewhere, one Error(input.missing) for all files that are not
/// there, and Error(corrupt.total_size) when all weights together have not the size that the index
/// gives.
Contents read_keras_shards(const Input& input, const File& file, std::string_view name,
                           const Limits& limits, const ReadShard& read);

}  // namespace tensorferry::hdf5
