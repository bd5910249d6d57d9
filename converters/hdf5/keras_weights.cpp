#include <iterator>
#include <set>

#include "keras.h"
#include "keras_paths.h"

namespace tensorferry::hdf5 {
namespace {

/// Reads the attribute `name` of GROUP/vars, each once.
class GroupNames {
 public:
  GroupNames(OpenFile& file, AttributeBudget& budget) : file_(file), budget_(budget) {}

  /// Of the group of the first `count` parts, and of those that it lies in.
  void look_up_all(const Components& parts, std::size_t count) {
    while (look_up(join_path(std::span(parts).first(count))) && count > 1) --count;
  }

  std::map<std::string, std::string> names() && { return std::move(names_); }

 private:
  // False when it was looked up before, and with it those that it lies in.
  bool look_up(const std::string& group) {
    if (!met_.insert(group).second) return false;
    const Handle opened = open_inside(group.empty() ? "vars" : group + "/vars");
    if (!opened) return true;
    auto name = text_attribute(opened.id(), "name", budget_);
    if (name && !name->empty() && name->find('/') == std::string::npos)
      names_.emplace(group, *std::move(name));
    return true;
  }

  // By hard links only.
  Handle open_inside(const std::string& path) const {
    Handle at = open_root(file_.id());
    for (std::string_view part : split_path(path)) {
      const std::string name(part);
      H5L_info_t info{};
      if (H5Lexists(at.id(), name.c_str(), H5P_DEFAULT) <= 0 ||
          H5Lget_info(at.id(), name.c_str(), &info, H5P_DEFAULT) < 0 || info.type != H5L_TYPE_HARD)
        return {};
      Handle next = open_object(file_.id(), info.u.address);
      if (H5Iget_type(next.id()) != H5I_GROUP) return {};
      at = std::move(next);
    }
    return at;
  }

  OpenFile& file_;
  AttributeBudget& budget_;
  std::set<std::string> met_;
  std::map<std::string, std::string> names_;
};

}  // namespace

void KerasLayout::add(KerasLayout other) {
  std::move(other.weights.begin(), other.weights.end(), std::back_inserter(weights));
  group_names.merge(other.group_names);
}

std::optional<KerasLayout> keras_weights(OpenFile& file, const std::vector<std::string>& paths,
                                         const std::vector<std::string>& other_groups,
                                         AttributeBudget& budget) {
  KerasLayout layout{KerasLayout::Kind::weights, {}, {}};
  GroupNames names(file, budget);
  for (const std::string& path : paths) {
    const Components parts = split_path(path);
    // Anything else in the file: not Keras's.
    if (!is_variable(parts)) return std::nullopt;
    const Role role = keras_role(parts);
    layout.weights.push_back({path, "", role});
    const std::size_t groups = parts.size() - 2;
    names.look_up_all(parts, role == Role::optimizer ? components_of_model(parts) : groups);
  }
  if (paths.empty()) return std::nullopt;
  for (const std::string& group : other_groups) {
    const Components parts = split_path(group);
    names.look_up_all(parts, parts.size());
  }
  layout.group_names = std::move(names).names();
  return layout;
}

}  // namespace tensorferry::hdf5
