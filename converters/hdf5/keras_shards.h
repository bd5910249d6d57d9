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

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/input.h"
#include "tensorferry/manifest.h"

namespace tensorferry::hdf5 {

inline constexpr std::string_view keras_index_suffix = ".weights.json";

struct KerasShards {
  /// Names of files, by the path of the group that has `vars`; "" is the model's own.
  std::map<std::string, std::vector<std::string>> files_of;
  /// Each file once, sorted.
  std::vector<std::string> files;

  std::vector<std::string> groups() const;
};

/// Whether that is such an index: by its name and by its first or last bytes.
bool is_keras_index(const Probe& probe);
/// The name of the only index in a folder; empty when there is none, or when there are several.
std::string keras_index_in(const Input& folder);

/// Throws Error(corrupt.json), Error(corrupt.index), Error(unsafe.limit).
KerasShards read_keras_index(const File& index, const Limits& limits);

/// The files of an index, in its order. Throws Error(unsafe) for names that lead elsewhere, and one
/// Error(input.missing) for all that are not there.
std::vector<std::shared_ptr<const File>> open_keras_shards(const Input& input,
                                                           const KerasShards& shards);

/// One shard's tensors and the paths of their datasets.
struct ShardTensors {
  std::vector<Tensor> tensors;
  std::vector<std::string> paths;
};

/// The tensors of all shards, one after the other, and their paths. What lies in two shards, and
/// what the index promises and no shard has, gets a problem; a note tells what the index does not
/// list.
ShardTensors join_keras_shards(const KerasShards& shards, std::vector<ShardTensors> parts,
                               std::vector<Note>& notes);

}  // namespace tensorferry::hdf5
