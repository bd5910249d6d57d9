#include "names.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "util/name_index.h"
#include "util/text.h"

namespace tensorferry::tensorflow {
namespace {

constexpr const char* kKeyAttribute = "tensorflow.key";
constexpr std::string_view kAttributes = "/.ATTRIBUTES/";
constexpr std::string_view kCopies = "_all_variables", kOriginals = "variables";

/// Appends a component without its escapes; false for one that is reserved or malformed.
bool append_component(std::string& path, std::string_view component) {
  if (!path.empty()) path += '/';
  for (std::size_t i = 0; i < component.size(); ++i) {
    if (component[i] != '.') {
      path += component[i];
      continue;
    }
    if (++i == component.size()) return false;
    if (component[i] != '.' && component[i] != 'S') return false;
    path += component[i] == '.' ? '.' : '/';
  }
  return true;
}

/// How readable a tensor's name is: what it falls back to when the name is not its own.
enum class Level : std::uint8_t { key, path, full };

/// One name for each tensor of a manifest, made unique.
class Naming {
 public:
  Naming(const Manifest& manifest, NameStyle style, const TrackableGraph* graph)
      : tensors_(manifest.tensors),
        full_(manifest.tensors.size()),
        paths_(manifest.tensors.size()),
        levels_(manifest.tensors.size(), Level::key) {
    if (graph != nullptr) find_full_names(*graph);
    for (std::size_t i = 0; i < tensors_.size(); ++i) choose(i, style);
  }

  /// Lowers what is not unique. Names of one level may collide with those of another, so that this
  /// is repeated; keys are unique.
  void settle() {
    constexpr int most_rounds = 8;
    for (int round = 0; round < most_rounds; ++round) {
      if (!lower_collisions()) return;
    }
    std::fill(levels_.begin(), levels_.end(), Level::key);
  }

  std::string_view name(std::size_t i) const {
    if (levels_[i] == Level::full) return full_[i];
    return levels_[i] == Level::path ? std::string_view(paths_[i]) : tensors_[i].name;
  }
  std::uint64_t copies() const { return copies_; }
  const std::vector<std::string>& ambiguous() const { return ambiguous_; }

 private:
  void find_full_names(const TrackableGraph& graph) {
    const NameIndex places(tensors_);
    for (std::size_t node = 0; node < graph.nodes(); ++node) {
      for (const auto& attribute : graph.attributes(node)) {
        const auto found = places.find(graph.text(attribute.key));
        if (found) full_[*found] = graph.text(attribute.full_name);
      }
    }
    if (graph.nodes() == 0) return;
    const auto has_child = [&](std::string_view name) {
      const auto children = graph.children(0);
      return std::any_of(children.begin(), children.end(),
                         [&](const auto& child) { return graph.text(child.name) == name; });
    };
    if (has_child(kCopies) && has_child(kOriginals)) find_copies();
  }

  /// A Keras 3 export stores each weight as variables/N and again as _all_variables/K.
  void find_copies() {
    std::unordered_map<std::string_view, std::size_t> originals;
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      if (tensors_[i].name.starts_with("variables/") && !full_[i].empty())
        originals.emplace(full_[i], i);
    }
    is_copy_.resize(tensors_.size());
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      is_copy_[i] = tensors_[i].name.starts_with("_all_variables/") && originals.contains(full_[i]);
      copies_ += is_copy_[i] ? 1U : 0U;
    }
  }

  void choose(std::size_t i, NameStyle style) {
    if (tensors_[i].name == kGraphKey) return;
    if (auto path = object_path(tensors_[i].name); path && !path->empty()) {
      paths_[i] = std::move(*path);
      levels_[i] = Level::path;
    }
    if (style == NameStyle::object || full_[i].empty()) return;
    if (!is_copy_.empty() && is_copy_[i]) return;
    const bool bare = full_[i].find('/') == std::string_view::npos;
    if (style == NameStyle::automatic && bare && levels_[i] == Level::path) return;
    levels_[i] = Level::full;
  }

  bool lower_collisions() {
    std::unordered_map<std::string_view, std::uint32_t> counts;
    counts.reserve(tensors_.size());
    for (std::size_t i = 0; i < tensors_.size(); ++i) ++counts[name(i)];
    if (counts.size() == tensors_.size()) return false;
    std::vector<std::size_t> lowered;
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      if (levels_[i] != Level::key && counts.at(name(i)) > 1) lowered.push_back(i);
    }
    for (const std::size_t i : lowered) {
      constexpr std::size_t most_kept = 100;
      if (ambiguous_.size() < most_kept) ambiguous_.emplace_back(name(i));
      const bool to_path = levels_[i] == Level::full && !paths_[i].empty();
      levels_[i] = to_path ? Level::path : Level::key;
    }
    return !lowered.empty();
  }

  const std::vector<Tensor>& tensors_;
  std::vector<std::string_view> full_;  ///< of the object graph; empty = none
  std::vector<std::string> paths_;      ///< empty = none
  std::vector<Level> levels_;
  std::vector<bool> is_copy_;
  std::uint64_t copies_ = 0;
  std::vector<std::string> ambiguous_;
};

void note(Manifest& manifest, const Naming& naming) {
  if (naming.copies() > 0) {
    manifest.notes.push_back(
        {"tensorflow.stored_twice", std::to_string(naming.copies()) +
                                        " weights are stored twice, as Keras exports them: "
                                        "under their names, and as _all_variables/N"});
  }
  std::vector<std::string> names = naming.ambiguous();
  if (names.empty()) return;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  constexpr std::size_t most_names = 5;
  manifest.notes.push_back(
      {"tensorflow.ambiguous_names", "names that several tensors have are given to none of them: " +
                                         join_names(names, most_names)});
}

}  // namespace

std::optional<std::string> object_path(std::string_view key) {
  constexpr std::string_view value = "VARIABLE_VALUE", slot = ".OPTIMIZER_SLOT";
  const std::size_t end = key.rfind(kAttributes);
  if (end == std::string_view::npos) return std::nullopt;
  std::string path;
  for (std::string_view rest = key.substr(0, end); !rest.empty();) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view component = rest.substr(0, slash);
    if (component != slot && !append_component(path, component)) return std::nullopt;
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  const std::string_view attribute = key.substr(end + kAttributes.size());
  if (attribute != value) {
    if (!path.empty()) path += '/';
    path += attribute;
  }
  return path;
}

void apply_names(Manifest& manifest, NameStyle style, const TrackableGraph* graph) {
  if (style == NameStyle::raw) return;
  Naming naming(manifest, style, graph);
  naming.settle();
  note(manifest, naming);
  std::vector<std::string> names;
  names.reserve(manifest.tensors.size());
  for (std::size_t i = 0; i < manifest.tensors.size(); ++i) names.emplace_back(naming.name(i));
  for (std::size_t i = 0; i < names.size(); ++i) {
    Tensor& tensor = manifest.tensors[i];
    if (tensor.name == names[i]) continue;
    tensor.attributes.emplace(kKeyAttribute, std::move(tensor.name));
    tensor.name = std::move(names[i]);
    if (manifest.name_attributes.empty()) manifest.name_attributes.emplace_back(kKeyAttribute);
  }
}

}  // namespace tensorferry::tensorflow
