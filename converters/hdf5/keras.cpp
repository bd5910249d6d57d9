#include "keras.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

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

}  // namespace

std::optional<KerasLayout> keras_layout(OpenFile& file, const std::vector<std::string>& paths,
                                        AttributeBudget& budget) {
  if (auto weights = keras_legacy(file, budget))
    return KerasLayout{KerasLayout::Kind::legacy, *std::move(weights)};
  if (auto weights = keras_weights(file, paths, budget))
    return KerasLayout{KerasLayout::Kind::weights, *std::move(weights)};
  return std::nullopt;
}

void apply_keras(Manifest& manifest, const std::vector<std::string>& paths,
                 const KerasLayout& layout, bool rename) {
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
    const KerasWeight& weight = layout.weights[found->second];
    names[i] = weight.name;
    if (!weight.layer.empty()) manifest.tensors[i].attributes["keras.layer"] = weight.layer;
  }
  if (rename) {
    keep_unique(names, raw);
    for (std::size_t i = 0; i < count; ++i) {
      if (names[i] == raw[i]) continue;
      manifest.tensors[i].attributes["hdf5.path"] = paths[i];
      manifest.tensors[i].name = names[i];
    }
  }
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return rank[a] < rank[b]; });
  std::vector<Tensor> sorted;
  sorted.reserve(count);
  for (std::size_t i : order) sorted.push_back(std::move(manifest.tensors[i]));
  manifest.tensors = std::move(sorted);
}

}  // namespace tensorferry::hdf5
