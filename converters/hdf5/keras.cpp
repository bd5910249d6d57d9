#include "keras.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "tensorferry/error.h"

namespace tensorferry::hdf5 {
namespace {

using Counts = std::unordered_map<std::string, std::size_t>;

// Names that several tensors would have get back to the paths of all of them, which may take names
// of others in turn.
void keep_unique(std::vector<std::string>& names, const std::vector<std::string>& fallback) {
  for (bool changed = true; changed;) {
    changed = false;
    Counts counts;
    for (const std::string& name : names) ++counts[name];
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (counts[names[i]] < 2 || names[i] == fallback[i]) continue;
      names[i] = fallback[i];
      changed = true;
    }
  }
}

// What the lists of a legacy file promise and the file does not have.
void add_absent(Contents& contents) {
  std::unordered_set<std::string> known(contents.paths.begin(), contents.paths.end());
  for (const KerasWeight& weight : contents.keras->weights) {
    if (!known.insert(weight.path).second) continue;
    Tensor& tensor = contents.manifest.tensors.emplace_back();
    tensor.name = weight.path;
    tensor.problem = Error(ErrorCode::corrupt, "missing_tensor",
                           "Keras's own list in the file (layer_names, weight_names) names \"" +
                               printable(weight.path) +
                               "\", which the file does not have: was the file completely written "
                               "and copied?")
                         .in_tensor(weight.name);
    contents.paths.push_back(weight.path);
  }
}

// The tensors in the order of the layout, under its names or with them as an attribute.
Manifest arrange(Contents contents, bool rename) {
  Manifest& manifest = contents.manifest;
  const std::vector<std::string>& paths = contents.paths;
  const KerasLayout& layout = *contents.keras;
  std::unordered_map<std::string_view, std::size_t> place;
  for (std::size_t i = 0; i < layout.weights.size(); ++i) place.emplace(layout.weights[i].path, i);

  const std::size_t count = manifest.tensors.size();
  std::vector<std::size_t> rank(count, layout.weights.size()), order(count);
  std::vector<std::string> raw, names;
  for (std::size_t i = 0; i < count; ++i) {
    raw.push_back(manifest.tensors[i].name);
    names.push_back(raw.back());
    const auto found = place.find(paths[i]);
    if (found == place.end()) continue;
    rank[i] = found->second;
    names[i] = layout.weights[found->second].name;
    manifest.tensors[i].role = layout.weights[found->second].role;
  }
  keep_unique(names, raw);
  const char* other = rename ? "hdf5.path" : "keras.name";
  for (std::size_t i = 0; i < count; ++i) {
    if (names[i] == raw[i]) continue;
    Tensor& tensor = manifest.tensors[i];
    tensor.attributes[other] = rename ? paths[i] : names[i];
    if (rename) tensor.name = names[i];
    if (manifest.name_attributes.empty()) manifest.name_attributes.emplace_back(other);
  }
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return rank[a] < rank[b]; });
  std::vector<Tensor> sorted;
  sorted.reserve(count);
  for (std::size_t i : order) sorted.push_back(std::move(manifest.tensors[i]));
  manifest.tensors = std::move(sorted);
  return std::move(manifest);
}

}  // namespace

std::optional<KerasLayout> keras_layout(OpenFile& file, const std::vector<std::string>& paths,
                                        const std::vector<std::string>& other_groups,
                                        AttributeBudget& budget) {
  if (auto legacy = keras_legacy(file, budget)) return legacy;
  return keras_weights(file, paths, other_groups, budget);
}

Manifest apply_keras(Contents contents, bool rename, const Limits& limits) {
  if (contents.keras->kind == KerasLayout::Kind::legacy) {
    add_absent(contents);
  } else if (auto note = name_weights(contents, limits); note && rename) {
    contents.manifest.notes.push_back(*std::move(note));
  }
  return arrange(std::move(contents), rename);
}

}  // namespace tensorferry::hdf5
