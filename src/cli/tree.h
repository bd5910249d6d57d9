// Names with slashes as a tree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tensorferry::cli {

struct TreeLeaf {
  std::string name;
  std::uint64_t bytes = 0;
};

struct TreeLine {
  std::size_t depth = 0;
  std::string label;  ///< one component; of a leaf below the deepest level the rest of its name
  std::optional<std::size_t> leaf;     ///< index of the tensor; nothing = a group
  std::uint64_t count = 0, bytes = 0;  ///< of everything below a group
};

/// A group stands before what is in it; siblings are sorted by bytes. A name that is also a group
/// gives two lines.
std::vector<TreeLine> tree_lines(const std::vector<TreeLeaf>& leaves);

}  // namespace tensorferry::cli
