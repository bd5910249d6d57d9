#include <algorithm>
#include <tuple>

#include "keras.h"
#include "keras_archive.h"
#include "keras_config.h"
#include "keras_paths.h"

namespace tensorferry::hdf5 {
namespace {

std::string text_of(const Attributes& attributes, const char* key) {
  const auto found = attributes.find(key);
  const bool is_text =
      found != attributes.end() && std::holds_alternative<std::string>(found->second);
  return is_text ? std::get<std::string>(found->second) : std::string();
}

// Whether groups below a layer are attributes and nothing but attributes, which have names of their
// own: of two, the second may be a member of a list, named by its class and a number.
bool are_attributes(std::span<const std::string_view> groups) {
  if (groups.size() <= 1) return true;
  return groups.size() == 2 && groups[1] == "cell" &&
         (groups[0] == "forward_layer" || groups[0] == "backward_layer");
}

class Namer {
 public:
  Namer(const KerasLayout& layout, LayerNames* config) : layout_(layout), config_(config) {}

  struct Named {
    std::string name;
    std::vector<std::size_t> places;
    /// A path, or in part a path, for want of a name.
    bool path = false;
  };

  Named name(const KerasWeight& weight) const {
    const Components parts = split_path(weight.path);
    const Components groups(parts.begin(), parts.end() - 2);
    const std::string number(parts.back());
    LayerNames::Found found;
    if (config_ != nullptr) found = config_->find(parts);
    if (const auto named = by_attributes(weight.role, groups))
      return {*named + number, std::move(found.places)};
    // The attributes of a model without a list of layers are its layers, and have other names.
    const bool below = !found.names.empty() || weight.role != Role::weight;
    const auto rest = std::span(groups).subspan(found.components);
    if (below && are_attributes(rest)) {
      for (const std::string_view attribute : rest) found.names.emplace_back(attribute);
      return {joined(found.names) + number, std::move(found.places)};
    }
    std::string name = weight.path;
    if (found.components > 0)
      name = joined(found.names) + join_path(std::span(parts).subspan(found.components));
    return {std::move(name), std::move(found.places), weight.role == Role::weight};
  }

 private:
  static std::string joined(const std::vector<std::string>& names) {
    std::string all;
    for (const std::string& name : names) all += name + "/";
    return all;
  }

  const std::string* given(const Components& groups, std::size_t count) const {
    const auto found = layout_.group_names.find(join_path(std::span(groups).first(count)));
    return found == layout_.group_names.end() ? nullptr : &found->second;
  }

  // The path with the names that the file gives to groups, as Keras 3.6 and later do; nothing when
  // it does not name the object itself, or a layer in the list of a model that leads to it.
  std::optional<std::string> by_attributes(Role role, const Components& groups) const {
    if (layout_.group_names.empty()) return std::nullopt;
    if (groups.empty())
      return given(groups, 0) ? std::optional(*given(groups, 0) + "/") : std::nullopt;
    std::string name;
    bool in_list = false;  // after "layers", which names nothing itself
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const bool listed = in_list;
      in_list = groups[i] == "layers" && !in_list && i + 1 < groups.size();
      if (in_list) continue;
      const bool state = role == Role::optimizer && i >= components_of_model(groups);
      const std::string* attribute = state ? nullptr : given(groups, i + 1);
      const bool needed = listed || (role == Role::weight && i + 1 == groups.size());
      if (needed && attribute == nullptr) return std::nullopt;
      name += attribute ? *attribute : std::string(groups[i]);
      name += '/';
    }
    return name;
  }

  const KerasLayout& layout_;
  LayerNames* config_;
};

void sort_by_path(std::vector<KerasWeight>& weights) {
  std::vector<std::pair<Components, std::size_t>> order;
  order.reserve(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i)
    order.emplace_back(split_path(weights[i].path), i);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return path_less(a.first, b.first); });
  std::vector<KerasWeight> sorted;
  sorted.reserve(weights.size());
  for (const auto& [parts, i] : order) sorted.push_back(weights[i]);
  weights = std::move(sorted);
}

Note note_of(std::size_t count, const std::string& first, const KerasLayout& layout,
             bool has_config) {
  const char* why =
      has_config
          ? ", or by a part of it: neither the file nor config.json says for certain what Keras "
            "called those layers"
      : layout.group_names.empty()
          ? ": it does not hold the names of the layers (Keras 3.6 and later store them). Such a "
            "path "
            "counts the layers of each class: dense_1 is the second Dense layer, not the layer of "
            "that name. A .keras file of the same model has the names"
          : ": it does not hold the names of those layers. If it is one of several files of a "
            "model, "
            "open the .weights.json that lists them";
  const std::string weights = count == 1
                                  ? "1 weight is called by its path"
                                  : std::to_string(count) + " weights are called by their paths";
  return {"hdf5.keras_names", weights + " in the file, such as \"" + printable(first) + "\"" + why};
}

}  // namespace

std::optional<Note> name_weights(Contents& contents, const Limits& limits) {
  const Manifest& manifest = contents.manifest;
  const std::vector<std::string>& paths = contents.paths;
  KerasLayout& layout = *contents.keras;
  sort_by_path(layout.weights);
  std::map<std::string, const Shape*> shapes;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const Components parts = split_path(paths[i]);
    shapes.emplace(join_path(parts), &manifest.tensors[i].shape);
  }
  const std::string config = text_of(manifest.attributes, keras_config);
  std::optional<LayerNames> layers;
  if (!config.empty()) {
    layers.emplace(config, text_of(manifest.attributes, keras_version), layout, shapes, limits);
  }
  const Namer namer(layout, layers ? &*layers : nullptr);

  std::vector<std::pair<std::vector<std::size_t>, KerasWeight>> named;
  named.reserve(layout.weights.size());
  std::size_t count = 0;
  std::string first;
  for (const KerasWeight& weight : layout.weights) {
    auto [name, places, path] = namer.name(weight);
    if (path && count++ == 0) first = name;
    // After the layers of the list.
    if (places.empty()) places.push_back(~std::size_t{0});
    named.emplace_back(std::move(places), KerasWeight{weight.path, std::move(name), weight.role});
  }
  std::stable_sort(named.begin(), named.end(), [](const auto& a, const auto& b) {
    return std::tie(a.second.role, a.first) < std::tie(b.second.role, b.first);
  });
  layout.weights.clear();
  for (auto& [places, weight] : named) layout.weights.push_back(std::move(weight));
  if (count == 0) return std::nullopt;
  return note_of(count, first, layout, !config.empty());
}

}  // namespace tensorferry::hdf5
