#include "keras_paths.h"

#include <algorithm>

namespace tensorferry::hdf5 {
namespace {

// More than models within models within models have; groups are opened one by one.
constexpr std::size_t kMostComponents = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool natural_less(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (!is_digit(a.front()) || !is_digit(b.front())) {
      if (a.front() != b.front()) return a.front() < b.front();
      a.remove_prefix(1);
      b.remove_prefix(1);
      continue;
    }
    const auto run = [](std::string_view& text) {
      std::size_t n = 0;
      while (n < text.size() && is_digit(text[n])) ++n;
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

}  // namespace

Components split_path(std::string_view path) {
  Components parts;
  for (;;) {
    const std::size_t slash = path.find_first_of("/\\");
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

std::string join_path(std::span<const std::string_view> parts) {
  std::string path;
  for (const std::string_view part : parts) {
    if (!path.empty()) path += '/';
    path += part;
  }
  return path;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 10 && (text.front() != '0' || text.size() == 1) &&
         std::all_of(text.begin(), text.end(), is_digit);
}

bool is_variable(const Components& parts) {
  return parts.size() >= 2 && parts.size() <= kMostComponents && is_number(parts.back()) &&
         parts[parts.size() - 2] == "vars";
}

bool is_layer_list(std::string_view component) {
  return component == "layers" || component == "_layer_checkpoint_dependencies";
}

Role keras_role(const Components& parts) {
  const std::size_t at = components_of_model(parts);
  if (at == parts.size()) return Role::weight;
  return parts[at] == "optimizer" ? Role::optimizer : Role::metric;
}

std::size_t components_of_model(const Components& parts) {
  std::size_t at = 0;
  while (at + 1 < parts.size() && (is_layer_list(parts[at]) || parts[at] == "layer"))
    at += is_layer_list(parts[at]) ? std::size_t{2} : std::size_t{1};
  const bool is_state = at < parts.size() && (parts[at] == "optimizer" || parts[at] == "metrics");
  return is_state ? at : parts.size();
}

bool path_less(const Components& a, const Components& b) {
  // Non-weights (the optimizer, metrics) stand after the layers.
  if (keras_role(a) != keras_role(b)) return keras_role(a) < keras_role(b);
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), natural_less);
}

}  // namespace tensorferry::hdf5
