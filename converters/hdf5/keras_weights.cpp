#include <algorithm>
#include <charconv>
#include <map>

#include "keras.h"
#include "tensorferry/error.h"

namespace tensorferry::hdf5 {
namespace {

using Components = std::vector<std::string_view>;

Components split(std::string_view path) {
  Components parts;
  for (;;) {
    const std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 10 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// .../vars/N
bool is_variable(const Components& parts) {
  return parts.size() >= 2 && is_number(parts.back()) && parts[parts.size() - 2] == "vars";
}

// Runs of digits by their value: dense_2 before dense_10, 2 before 10.
bool natural_less(std::string_view a, std::string_view b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  while (!a.empty() && !b.empty()) {
    if (!digit(a.front()) || !digit(b.front())) {
      if (a.front() != b.front()) return a.front() < b.front();
      a.remove_prefix(1);
      b.remove_prefix(1);
      continue;
    }
    const auto run = [&](std::string_view& text) {
      std::size_t n = 0;
      while (n < text.size() && digit(text[n])) ++n;
      std::string_view number = text.substr(0, n);
      text.remove_prefix(n);
      while (number.size() > 1 && number.front() == '0') number.remove_prefix(1);
      return number;
    };
    const std::string_view x = run(a), y = run(b);
    if (x != y) return x.size() != y.size() ? x.size() < y.size() : x < y;
  }
  return a.size() < b.size();
}

Role role_of(const Components& parts) {
  if (parts.front() == "optimizer") return Role::optimizer;
  return parts.front() == "metrics" ? Role::metric : Role::weight;
}

bool path_less(const Components& a, const Components& b) {
  // What is not a layer (the optimizer, metrics) stands behind the layers.
  if (role_of(a) != role_of(b)) return role_of(a) < role_of(b);
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), natural_less);
}

class Namer {
 public:
  Namer(OpenFile& file, AttributeBudget& budget) : file_(file), budget_(budget) {}

  KerasWeight weight(std::string_view path, const Components& parts) {
    KerasWeight weight{std::string(path), "", role_of(parts)};
    std::string group;
    bool in_container = false;  // behind "layers", which names nothing itself
    for (std::size_t i = 0; i + 2 < parts.size(); ++i) {
      group += (group.empty() ? "" : "/") + std::string(parts[i]);
      if (parts[i] == "layers" && !in_container && i + 3 < parts.size()) {
        in_container = true;
        continue;
      }
      in_container = false;
      const std::string given = weight.role == Role::optimizer ? "" : name_of(group);
      weight.name += (given.empty() ? std::string(parts[i]) : given) + "/";
    }
    if (parts.size() == 2) {
      const std::string& given = name_of("");
      weight.name = (given.empty() ? "vars" : given) + "/";
    }
    weight.name += parts.back();
    return weight;
  }

 private:
  // The attribute of GROUP/vars.
  const std::string& name_of(const std::string& group) {
    const auto [entry, is_new] = names_.try_emplace(group);
    if (!is_new) return entry->second;
    const std::string vars = (group.empty() ? "" : group + "/") + "vars";
    if (const Handle opened = open_inside(vars)) {
      const auto name = text_attribute(opened.id(), "name", budget_);
      if (name && name->find('/') == std::string::npos) entry->second = *name;
    }
    return entry->second;
  }

  // By hard links only.
  Handle open_inside(const std::string& path) const {
    Handle at = open_root(file_.id());
    for (std::string_view part : split(path)) {
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
  std::map<std::string, std::string> names_;
};

}  // namespace

std::optional<std::vector<KerasWeight>> keras_weights(OpenFile& file,
                                                      const std::vector<std::string>& paths,
                                                      AttributeBudget& budget) {
  std::vector<std::pair<Components, std::string_view>> variables;
  for (const std::string& path : paths) {
    Components parts = split(path);
    // Anything else in the file: not Keras's.
    if (!is_variable(parts)) return std::nullopt;
    variables.emplace_back(std::move(parts), path);
  }
  if (variables.empty()) return std::nullopt;
  std::stable_sort(variables.begin(), variables.end(),
                   [](const auto& a, const auto& b) { return path_less(a.first, b.first); });
  Namer namer(file, budget);
  std::vector<KerasWeight> weights;
  weights.reserve(variables.size());
  for (const auto& [parts, path] : variables) weights.push_back(namer.weight(path, parts));
  return weights;
}

}  // namespace tensorferry::hdf5
