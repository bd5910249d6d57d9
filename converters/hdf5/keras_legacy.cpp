#include <algorithm>
#include <string>

#include "keras.h"
#include "tensorferry/error.h"

namespace tensorferry::hdf5 {
namespace {

// A list that is too long for one attribute: NAME0, NAME1, ...
std::optional<std::vector<std::string>> texts(hid_t group, const std::string& name,
                                              AttributeBudget& budget) {
  if (auto whole = text_list_attribute(group, name.c_str(), budget)) return whole;
  std::optional<std::vector<std::string>> all;
  for (unsigned part = 0;; ++part) {
    const auto some = text_list_attribute(group, (name + std::to_string(part)).c_str(), budget);
    if (!some) return all;
    if (!all) all.emplace();
    all->insert(all->end(), some->begin(), some->end());
  }
}

// A link of a group to a group inside the file; nothing when there is none.
Handle group_at(hid_t parent, const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos || name.find('\0') != std::string::npos)
    return {};
  H5L_info_t info{};
  if (H5Lexists(parent, name.c_str(), H5P_DEFAULT) <= 0 ||
      H5Lget_info(parent, name.c_str(), &info, H5P_DEFAULT) < 0 || info.type != H5L_TYPE_HARD)
    return {};
  Handle object = open_object(parent, info.u.address);
  return H5Iget_type(object.id()) == H5I_GROUP ? std::move(object) : Handle();
}

// "layers/inner" of a layer whose name has slashes: group by group.
Handle group_below(hid_t parent, std::string_view path) {
  Handle at;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    Handle next = group_at(at ? at.id() : parent, std::string(path.substr(0, slash)));
    if (!next) return {};
    at = std::move(next);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return at;
}

// As HDF5 reads a path: without empty components, and without those that are a dot.
std::string plain_path(std::string_view name) {
  std::string path;
  while (!name.empty()) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (part.empty() || part == ".") continue;
    if (!path.empty()) path += '/';
    path += part;
  }
  return path;
}

class LegacyReader {
 public:
  explicit LegacyReader(AttributeBudget& budget) : budget_(budget) {}

  void add_layers(hid_t group, const std::string& prefix, const std::vector<std::string>& layers) {
    for (const std::string& layer : layers) {
      if (!add_group(group, prefix, layer, layer))
        weights_.push_back({prefix + plain_path(layer), layer, Role::weight});
    }
    add_group(group, prefix, "top_level_model_weights", "");
  }

  /// False when there is no such group.
  bool add_group(hid_t parent, const std::string& prefix, const std::string& name,
                 const std::string& layer, Role role = Role::weight) {
    const std::string path = plain_path(name);
    const Handle group = group_below(parent, path);
    if (!group) return false;
    const auto names = texts(group.id(), "weight_names", budget_);
    if (!names) return true;
    const std::string folder = prefix + path + "/";
    for (const std::string& raw : *names) {
      const std::string weight = plain_path(raw);
      weights_.push_back({folder + weight, called(weight, layer), role});
    }
    return true;
  }

  std::vector<KerasWeight> weights() && { return std::move(weights_); }

 private:
  // Keras 3.0 stored no more than "kernel".
  static std::string called(const std::string& weight, const std::string& layer) {
    return layer.empty() || weight.find('/') != std::string::npos ? weight : layer + "/" + weight;
  }

  AttributeBudget& budget_;
  std::vector<KerasWeight> weights_;
};

}  // namespace

std::optional<KerasLayout> keras_legacy(OpenFile& file, AttributeBudget& budget) {
  const Handle root = open_root(file.id());
  const Handle model = group_at(root.id(), "model_weights");
  const hid_t group = model ? model.id() : root.id();
  const std::string prefix = model ? "model_weights/" : "";
  const auto layers = texts(group, "layer_names", budget);
  if (!layers) return std::nullopt;
  LegacyReader reader(budget);
  reader.add_layers(group, prefix, *layers);
  if (model) reader.add_group(root.id(), "", "optimizer_weights", "", Role::optimizer);
  return KerasLayout{KerasLayout::Kind::legacy, std::move(reader).weights(), {}};
}

}  // namespace tensorferry::hdf5
