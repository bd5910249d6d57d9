#include "tree.h"

#include <algorithm>
#include <numeric>
#include <string_view>

namespace tensorferry::cli {
namespace {

constexpr std::size_t kDeepest = 32;  // a name of slashes alone must not cost its length squared

std::vector<std::string_view> components(std::string_view name) {
  std::vector<std::string_view> parts;
  while (parts.size() + 1 < kDeepest) {
    const std::size_t slash = name.find('/');
    if (slash == std::string_view::npos) break;
    parts.push_back(name.substr(0, slash));
    name.remove_prefix(slash + 1);
  }
  parts.push_back(name);
  return parts;
}

}  // namespace

std::vector<TreeLine> tree_lines(const std::vector<TreeLeaf>& leaves) {
  std::vector<std::vector<std::string_view>> paths;
  paths.reserve(leaves.size());
  for (const TreeLeaf& leaf : leaves) paths.push_back(components(leaf.name));
  std::vector<std::size_t> order(leaves.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return paths[a] < paths[b]; });

  std::vector<TreeLine> lines;
  std::vector<std::size_t> open;             // the lines of the groups around the current leaf
  std::vector<std::string_view> open_names;  // their components
  for (const std::size_t index : order) {
    const auto& path = paths[index];
    std::size_t shared = 0;
    while (shared < open_names.size() && shared + 1 < path.size() &&
           open_names[shared] == path[shared])
      ++shared;
    open.resize(shared);
    open_names.resize(shared);
    for (std::size_t depth = shared; depth + 1 < path.size(); ++depth) {
      open.push_back(lines.size());
      open_names.push_back(path[depth]);
      lines.push_back({depth, std::string(path[depth]), std::nullopt});
    }
    for (const std::size_t group : open) {
      ++lines[group].count;
      lines[group].bytes += leaves[index].bytes;
    }
    lines.push_back({path.size() - 1, std::string(path.back()), index, 1, leaves[index].bytes});
  }
  return lines;
}

}  // namespace tensorferry::cli
