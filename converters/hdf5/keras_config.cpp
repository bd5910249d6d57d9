#include "keras_config.h"

#include <algorithm>
#include <array>

namespace tensorferry::hdf5 {
namespace {

const Json* member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string text(const Json& object, std::string_view key) {
  const Json* value = member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

// Of {"class_name": ..., "config": {"name": ...}}, an object of Keras written down.
std::string name_of(const Json& layer) {
  const Json* config = member(layer, "config");
  return config == nullptr ? std::string() : text(*config, "name");
}

// "package>Class" of a class that somebody registered.
std::string class_of(const Json& layer) {
  const std::string whole = text(layer, "class_name");
  return whole.substr(whole.rfind('>') + 1);
}

// A class of Keras itself: only of those it is known which attribute holds what their configuration
// describes. Keras 2.12 writes no module for layers within models.
bool is_of_keras(const Json& layer) {
  const Json* module = member(layer, "module");
  if (module == nullptr || module->is_null())
    return text(layer, "class_name").find('>') == std::string::npos;
  const std::string path = module->is_string() ? module->get<std::string>() + "." : "";
  return path.starts_with("keras.") || path.starts_with("tf_keras.");
}

// A node of the graph of Keras 3 that is an operation, not a layer.
bool is_operation(const Json& layer) {
  return (text(layer, "module") + ".").find(".ops.") != std::string::npos;
}

// A model that has its layers in the order of its configuration. In Keras 3 that is so for
// subclasses of functional and sequential models, too.
bool is_model(const Json& layer, bool subclasses) {
  const std::string name = class_of(layer);
  if (is_of_keras(layer) && (name == "Functional" || name == "Sequential" || name == "Model"))
    return true;
  const Json* config = member(layer, "config");
  return subclasses && config != nullptr &&
         (config->contains("build_input_shape") ||
          (config->contains("input_layers") && config->contains("output_layers")));
}

// The list of layers below `layer` that Keras keeps under the attribute `attribute`.
const Json* list_below(const Json& layer, std::string_view attribute, bool subclasses) {
  const Json* config = member(layer, "config");
  if (config == nullptr) return nullptr;
  const Json* list = nullptr;
  if (is_layer_list(attribute) && is_model(layer, subclasses)) list = member(*config, "layers");
  if (attribute == "cells" && is_of_keras(layer)) list = member(*config, "cells");
  return list != nullptr && list->is_array() ? list : nullptr;
}

// The one layer below a wrapper, or the cell of a recurrent layer.
const Json* layer_below(const Json& layer, std::string_view attribute) {
  if ((attribute != "layer" && attribute != "cell") || !is_of_keras(layer)) return nullptr;
  const Json* config = member(layer, "config");
  const Json* inner = config == nullptr ? nullptr : member(*config, attribute);
  return inner != nullptr && !name_of(*inner).empty() ? inner : nullptr;
}

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

// Keras's to_snake_case(): two substitutions, ([a-z])([A-Z]) after (.)([A-Z][a-z]+), in lower case.
std::string snake_case(const std::string& name) {
  std::string words, result;
  for (std::size_t i = 0; i < name.size();) {
    words += name[i++];
    if (i + 1 >= name.size() || !is_upper(name[i]) || !is_lower(name[i + 1])) continue;
    words += '_';
    words += name[i++];
    while (i < name.size() && is_lower(name[i])) words += name[i++];
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0 && is_lower(words[i - 1]) && is_upper(words[i])) result += '_';
    result += is_upper(words[i]) ? static_cast<char>(words[i] - 'A' + 'a') : words[i];
  }
  return result;
}

bool is_false(const Json& layer, std::string_view key) {
  const Json* config = member(layer, "config");
  const Json* value = config == nullptr ? nullptr : member(*config, key);
  return value != nullptr && value->is_boolean() && !value->get<bool>();
}

// Nothing in it has variables: models of nothing but such layers are common before other models.
bool has_no_weights(const Json& layer) {
  if (const Json* layers = list_below(layer, "layers", false))
    return std::all_of(layers->begin(), layers->end(), has_no_weights);
  constexpr std::array<std::string_view, 14> kPrefixes = {
      "InputLayer", "Dropout",   "Activation", "Flatten",       "Reshape",
      "Permute",    "Rescaling", "Resizing",   "Random",        "ZeroPadding",
      "Cropping",   "Global",    "MaxPooling", "AveragePooling"};
  const std::string name = class_of(layer);
  if (!is_of_keras(layer)) return false;
  if (name == "LayerNormalization") return is_false(layer, "center") && is_false(layer, "scale");
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace

/// The layers of one class in a list, and the groups that are numbered by it.
struct LayerNames::Class {
  std::vector<Member> layers;
  std::map<std::size_t, std::string> groups;
};

LayerNames::LayerNames(const std::string& config, const std::string& version,
                       const KerasLayout& layout, const std::map<std::string, const Shape*>& shapes,
                       const Limits& limits)
    : counts_all_(version.starts_with("3.")), layout_(layout), shapes_(shapes) {
  try {
    root_ = parse_json(config, limits.json_depth);
  } catch (const Error&) {
    return;
  }
  find_repeated(root_);
  for (const KerasWeight& weight : layout.weights) {
    if (weight.role != Role::weight) continue;
    const Components parts = split_path(weight.path);
    // Where one is known, so are those that it lies in.
    for (std::size_t i = parts.size() - 2; i-- > 0;) {
      if (!present_[join_path(std::span(parts).first(i))].emplace(parts[i]).second) break;
    }
  }
}

void LayerNames::find_repeated(const Json& value) {
  if (const std::string name = name_of(value); !name.empty()) {
    const Json* shared = member(value, "shared_object_id");
    const bool is_new = seen_.emplace(text(value, "class_name"), name).second;
    if (!is_new && shared != nullptr && !shared->is_null()) repeated_.insert(&value);
  }
  if (!value.is_structured()) return;
  for (const Json& inner : value) find_repeated(inner);
}

LayerNames::Found LayerNames::find(const Components& parts) {
  Found found;
  const std::size_t groups = parts.size() - 2;
  for (const Json* at = &root_; found.components < groups;) {
    const std::string_view part = parts[found.components];
    if (const Json* layers = list_below(*at, part, counts_all_);
        layers && found.components + 1 < groups) {
      const Members& members =
          members_of(join_path(std::span(parts).first(found.components + 1)), *layers);
      const auto next = members.find(parts[found.components + 1]);
      if (next == members.end()) break;
      at = next->second.layer;
      found.places.push_back(next->second.place);
      if (!is_layer_list(part)) found.names.emplace_back(part);
      found.components += 2;
    } else if (const Json* inner = layer_below(*at, part)) {
      at = inner;
      found.components += 1;
    } else {
      break;
    }
    found.names.push_back(name_of(*at));
  }
  return found;
}

const LayerNames::Members& LayerNames::members_of(const std::string& list, const Json& layers) {
  const auto [entry, is_new] = matched_.try_emplace(list);
  if (is_new) entry->second = match(list, layers);
  return entry->second;
}

LayerNames::Members LayerNames::match(const std::string& list, const Json& layers) const {
  std::map<std::string, Class> classes = classes_of(layers);
  std::map<std::string, Member> by_name;
  for (const auto& [name, one] : classes)
    for (const Member& layer : one.layers) by_name.emplace(name_of(*layer.layer), layer);

  Members result;
  std::set<std::string> ambiguous;
  const auto groups = present_.find(list);
  if (groups == present_.end()) return result;
  const std::string folder = list + "/";
  for (const std::string& group : groups->second) {
    if (const auto given = layout_.group_names.find(folder + group);
        given != layout_.group_names.end()) {
      if (const auto layer = by_name.find(given->second); layer != by_name.end())
        result.emplace(group, layer->second);
      continue;
    }
    const auto first = classes.find(group);
    if (first != classes.end()) first->second.groups.emplace(0, group);
    const std::size_t end = group.rfind('_');
    const std::string number = end == std::string::npos ? "" : group.substr(end + 1);
    if (!is_number(number) || number == "0") continue;
    const auto later = classes.find(group.substr(0, end));
    if (later == classes.end()) continue;
    later->second.groups.emplace(std::stoul(number), group);
    if (first != classes.end()) ambiguous.insert({first->first, later->first});
  }
  for (const auto& [name, one] : classes) {
    if (!ambiguous.contains(name)) result.merge(match_class(list, one));
  }
  return result;
}

// Before Keras 3 a model may keep layers of its list under attributes of its own, and list others.
bool LayerNames::has_only(const std::string& list) const {
  const std::size_t slash = list.rfind('/');
  const auto siblings = present_.find(slash == std::string::npos ? "" : list.substr(0, slash));
  return siblings != present_.end() && siblings->second.size() == 1;
}

std::map<std::string, LayerNames::Class> LayerNames::classes_of(const Json& layers) const {
  std::map<std::string, Class> classes;
  for (std::size_t place = 0; place < layers.size(); ++place) {
    const Json& layer = layers[place];
    if (name_of(layer).empty() || is_operation(layer)) continue;
    std::string name = snake_case(class_of(layer));
    if (!counts_all_ && name.starts_with('_')) name.insert(0, "private");
    classes[name].layers.push_back({&layer, place});
  }
  return classes;
}

LayerNames::Members LayerNames::match_class(const std::string& list, const Class& one) const {
  std::vector<Member> layers = one.layers;
  if (!counts_all_) {
    if (!has_only(list)) return {};
    std::erase_if(layers, [&](const Member& layer) {
      return repeated_.contains(layer.layer) || has_no_weights(*layer.layer);
    });
    if (layers.size() != one.groups.size()) return {};
  }
  Members result;
  std::size_t next = 0;
  const std::string folder = list + "/";
  for (const auto& [number, group] : one.groups) {
    const std::size_t at = counts_all_ ? number : next++;
    if (at >= layers.size() || !fits(*layers[at].layer, folder + group)) return {};
    result.emplace(group, layers[at]);
  }
  return result;
}

// Where the configuration tells the last extent of the first variable, the file must have it.
bool LayerNames::fits(const Json& layer, const std::string& group) const {
  const std::string name = class_of(layer);
  const char* key = name == "Dense"                                            ? "units"
                    : name == "Embedding"                                      ? "output_dim"
                    : name == "Conv1D" || name == "Conv2D" || name == "Conv3D" ? "filters"
                                                                               : "";
  const Json* extent = member(layer["config"], key);
  const auto shape = shapes_.find(group + "/vars/0");
  if (!is_of_keras(layer) || extent == nullptr || !extent->is_number_unsigned() ||
      shape == shapes_.end())
    return true;
  return !shape->second->empty() && shape->second->back() == extent->get<std::uint64_t>();
}

}  // namespace tensorferry::hdf5
