// The object graph that tf.train.Checkpoint restores by, where a writer has to change or make one.
//
//   TrackableObjectGraph  1 node ...
//   node                  1 child {1 node id, 2 local name} ... | 2 attribute {1 name, 2 full name,
//   3 key} ...
//                         3 slot variable {1 original node id, 2 slot name, 3 slot node id} ...
//
// Node 0 is the root. A key is PATH/.ATTRIBUTES/NAME; PATH has the local names from the root, `.`
// written `..` and `/` written `.S`, joined by slashes. A variable has one attribute
// VARIABLE_VALUE. From TensorFlow's core/protobuf/trackable_object_graph.proto and
// python/checkpoint/util.py.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tensorferry::tensorflow {

/// A variable of a graph that is made from names.
struct GraphVariable {
  std::vector<std::string> path;  ///< local names from the root
  std::string key, full_name;
};

/// `a/b` is the child b of the child a. A name that is such a key already keeps it.
GraphVariable graph_variable(std::string_view name);

/// The graph of those variables. Their names are UTF-8, as every string in it must be.
std::string generate_graph(const std::vector<GraphVariable>& variables);

/// The graph without what no key is there for: attributes, leaves that have lost all of theirs, and
/// slot variables of such leaves. The same bytes when all keys are there; nothing when it is
/// malformed. An attribute also stands for the keys that begin with its own and `-` or `_`, as
/// those of tables and iterators do. `keys` are sorted.
std::optional<std::string> prune_graph(std::string_view graph,
                                       const std::vector<std::string_view>& keys);

/// The key of the root's child save_counter, if it has one and the graph is well-formed.
std::optional<std::string> save_counter_key(std::string_view graph);

}  // namespace tensorferry::tensorflow
