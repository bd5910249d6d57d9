// Tensor and attribute names as HDF5 can hold them. Pure; facts: the HDF5 User's Guide, chapter 4
// (path names).
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tensorferry::hdf5 {

/// Paths with more components than this are refused: tools that walk a file recurse into its
/// groups.
inline constexpr std::size_t kMaxDepth = 1000;
/// Of a path, and of an attribute's name, in bytes. An object header message (which holds an
/// attribute) ends at 64 KiB.
inline constexpr std::size_t kMaxPath = 1'000'000, kMaxAttributeName = 60'000;

/// The link path of each tensor, without a leading slash; different for different names, and none
/// is a group of another's path.
///
/// A slash separates groups. In a component `%`, NUL and bytes that are not UTF-8 become `%XX`; `.`
/// becomes `%2E`, an empty one `%`. Where one name continues another behind a slash ("a", "a/b"),
/// the shorter one ends in `%~`.
class StoredPaths {
 public:
  /// The names must stay valid.
  explicit StoredPaths(std::vector<std::string_view> names);

  std::string_view of(std::size_t tensor) const { return paths_[tensor]; }
  /// All tensors, so that what lies in a group stands together.
  const std::vector<std::size_t>& order() const { return order_; }

 private:
  void sort();
  void change(std::size_t tensor, std::string path);

  std::vector<std::string_view> paths_;
  std::deque<std::string> changed_;  // the paths that are not the names
  std::vector<std::size_t> order_;
};

/// Why `path` cannot be stored, or nothing.
std::optional<std::string> path_problem(std::string_view path);

/// True for valid UTF-8 without NUL: what an HDF5 string or name can hold.
bool is_hdf5_text(std::string_view text);

/// The name under which an attribute is stored: itself, or `tensorferry_attribute:` and the name
/// with `%`, NUL, and what is not UTF-8 as `%XX`, where HDF5 cannot hold it, or where it would look
/// like one of our tags (`tensorferry_...`).
std::string stored_attribute_name(std::string_view name);

/// True when the writer stores a tensor of that name under `path` in some file.
bool is_stored_path(std::string_view path, std::string_view name);

/// Undoes stored_attribute_name; `stored` itself where that made no such name.
std::string attribute_name(std::string_view stored);

}  // namespace tensorferry::hdf5
