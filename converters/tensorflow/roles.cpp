#include "roles.h"

#include <string>
#include <string_view>
#include <utility>

#include "graph_roles.h"
#include "names.h"
#include "slot_names.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::string_view kVariable = "/.ATTRIBUTES/VARIABLE_VALUE";

bool is_integer_scalar(const Tensor& tensor) {
  return tensor.shape.empty() && (tensor.dtype == DType::int64 || tensor.dtype == DType::int32);
}

/// `path` is the key without the attribute behind it; the whole name where there is none.
bool is_counter(const Tensor& tensor, std::string_view path) {
  if (!is_integer_scalar(tensor)) return false;
  const bool is_object = path.size() != tensor.name.size();
  if (is_object && (path == "save_counter" || path == "step")) return true;
  return path == "global_step" || path.ends_with("/global_step");
}

bool is_rng(const Tensor& tensor, std::string_view path) {
  const bool integers = tensor.dtype == DType::int64 || tensor.dtype == DType::uint64 ||
                        tensor.dtype == DType::uint32;
  if (!integers || tensor.shape.size() != 1) return false;
  return path == "_state_var" || path.ends_with("/_state_var") ||
         path.ends_with("seed_generator/state") || path.ends_with("seed_generator/_state");
}

/// Keys and values are stored together, each as NAME-keys and NAME-values.
bool is_table(const Tensor& tensor, const std::vector<Tensor>& tensors, const NameIndex& places) {
  constexpr std::string_view keys = "-keys", values = "-values";
  const std::string_view name = tensor.name;
  for (const auto& [own, other] : {std::pair(keys, values), std::pair(values, keys)}) {
    if (!name.ends_with(own)) continue;
    const auto found =
        places.find(std::string(name.substr(0, name.size() - own.size())).append(other));
    if (!found) return false;
    const Shape& shape = tensors[*found].shape;
    return !shape.empty() && !tensor.shape.empty() && shape[0] == tensor.shape[0];
  }
  return false;
}

Role role_of(const Tensor& tensor, const std::vector<Tensor>& tensors, const NameIndex& places) {
  const std::string_view key = tensor.name;
  if (key == kGraphKey || key.ends_with(".ATTRIBUTES/OBJECT_CONFIG_JSON")) return Role::config;
  if (key.ends_with(".ATTRIBUTES/py_state")) return Role::program;
  if (key.ends_with(".ATTRIBUTES/ITERATOR_STATE") || key.ends_with(".ATTRIBUTES/ITERATOR")) {
    return Role::iterator;
  }
  if (tensor.dtype == DType::variant || tensor.dtype == DType::resource) return Role::iterator;
  if (is_table(tensor, tensors, places)) return Role::table;
  const bool is_object = key.ends_with(kVariable);
  const std::string_view path = is_object ? key.substr(0, key.size() - kVariable.size()) : key;
  if (is_counter(tensor, path)) return Role::counter;
  if (!is_object) return Role::weight;
  if (is_rng(tensor, path)) return Role::rng;
  if (path.starts_with("keras_api/metrics/") ||
      path.find("/keras_api/metrics/") != std::string_view::npos) {
    return Role::metric;
  }
  return Role::weight;
}

/// What only the graph tells, by the keys of the nodes' variables.
void assign_from_graph(Manifest& manifest, const TrackableGraph& graph, const NameIndex& places) {
  const std::vector<bool> optimizer = optimizer_state(graph);
  for (std::size_t node = 0; node < graph.nodes(); ++node) {
    for (const auto& attribute : graph.attributes(node)) {
      const auto found = places.find(graph.text(attribute.key));
      if (!found) continue;
      Tensor& tensor = manifest.tensors[*found];
      const std::string_view full_name = graph.text(attribute.full_name);
      if (full_name == "seed_generator_state" || full_name.ends_with("/seed_generator_state")) {
        tensor.role = Role::rng;
      } else if (optimizer[node] && tensor.role == Role::weight) {
        tensor.role = Role::optimizer;
      }
    }
  }
}

}  // namespace

void assign_roles(Manifest& manifest, const TrackableGraph* graph) {
  std::vector<Tensor>& tensors = manifest.tensors;
  const NameIndex places(tensors);
  for (Tensor& tensor : tensors) tensor.role = role_of(tensor, tensors, places);
  if (graph != nullptr) return assign_from_graph(manifest, *graph, places);
  const std::vector<bool> optimizer = optimizer_variables(tensors, places);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (optimizer[i] && tensors[i].role == Role::weight) tensors[i].role = Role::optimizer;
  }
}

}  // namespace tensorferry::tensorflow
