// What tensors are called: their keys, or names that a person can read.
//
//   key       model/layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE
//   path      model/layer_with_weights-0/kernel          `..` is `.` and `.S` is `/` in a component
//   full name my_dense_layer/kernel                      from the object graph
//   slot key  PATH/.OPTIMIZER_SLOT/OPTIMIZER/SLOT/.ATTRIBUTES/VARIABLE_VALUE
//   its path  PATH/OPTIMIZER/SLOT
//
// Keys are those of TensorFlow's python/checkpoint/util.py and trackable/trackable_utils.py.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/manifest.h"
#include "trackable_graph.h"

namespace tensorferry::tensorflow {

/// The key of the object graph.
inline constexpr std::string_view kGraphKey = "_CHECKPOINTABLE_OBJECT_GRAPH";
/// The attribute of the manifest that carries it.
inline constexpr std::string_view kGraphAttribute = "tensorflow.object_graph";

enum class NameStyle : std::uint8_t {
  automatic,  ///< full names that say more than the variable's own name, else paths
  raw,        ///< keys
  object,     ///< paths
  keras,      ///< full names, else paths
};

/// The path of an object in a key; nothing when the key is none of an object graph.
std::optional<std::string> object_path(std::string_view key);

/// Gives tensors, whose names are keys, the names of a style. `graph` may be absent for paths.
/// A tensor that gets another name keeps its key as the attribute tensorflow.key. Names are unique
/// and do not depend on the order of the tensors: those that several would get are given to none,
/// with a note. Of the two copies of a Keras 3 export, the one below `_all_variables` gives way.
void apply_names(Manifest& manifest, NameStyle style, const TrackableGraph* graph);

}  // namespace tensorferry::tensorflow
