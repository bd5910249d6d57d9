#include "keras_paths.h"

#include <algorithm>

namespace tensorferry::hdf5 {
namespace {

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
    const std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

std::string join_path(const Components& parts, std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) path += '/';
    path += parts[i];
  }
  return path;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 10 && (text.front() != '0' || text.size() == 1) &&
         std::all_of(text.begin(), text.end(), is_digit);
}

bool is_variable(const Components& parts) {
  return parts.size() >= 2 && is_number(parts.back()) && parts[parts.size() - 2] == "vars";
}

bool is_layer_list(std::string_view component) {
  return component == "layers" || component == "_layer_checkpoint_dependencies";
}

Role keras_role(const Components& parts) {
  if (parts.front() == "optimizer") return Role::optimizer;
  return parts.front() == "metrics" ? Role::metric : Role::weight;
}

bool path_less(const Components& a, const Components& b) {
  // Non-weights (the optimizer, metrics) stand after the layers.
  if (keras_role(a) != keras_role(b)) return keras_role(a) < keras_role(b);
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), natural_less);
}

}  // namespace tensorferry::hdf5
