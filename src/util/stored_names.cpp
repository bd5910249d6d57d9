#include "util/stored_names.h"

#include <algorithm>
#include <set>
#include <vector>

#include "util/text.h"

namespace tensorferry {
namespace {

std::string escape(const std::string& name) {
  if (name.empty()) return "%";
  std::string escaped = percent_encode(name, [](unsigned char byte) { return byte < 0x80; });
  if (escaped != name) return escaped;
  const auto none = [](unsigned char) { return false; };
  return percent_encode(name.substr(0, 1), none) + name.substr(1);
}

}  // namespace

StoredNames::StoredNames(const Manifest& manifest, std::string_view format,
                         bool (*can_hold)(std::string_view))
    : manifest_(manifest) {
  const std::vector<Tensor>& tensors = manifest.tensors;
  std::set<std::string_view> taken;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::string& name = tensors[i].name;
    if (is_utf8(name) && can_hold(name)) continue;
    const auto [entry, added] = escaped_.emplace(i, escape(name));
    taken.insert(entry->second);
  }
  if (taken.empty()) return;
  std::vector<std::string> collisions;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!escaped_.contains(i) && taken.contains(tensors[i].name))
      collisions.push_back(tensors[i].name);
  }
  if (!collisions.empty()) {
    throw Error(
        ErrorCode::unsupported, "name_collision",
        "other tensors that " + std::string(format) +
            " needs escaped names for would get the names of these: " + join_names(collisions));
  }
}

const std::string& StoredNames::of(std::size_t tensor) const {
  const auto found = escaped_.find(tensor);
  return found == escaped_.end() ? manifest_.tensors[tensor].name : found->second;
}

std::string StoredNames::unused(std::string wanted) const {
  auto is_taken = [&](const Tensor& tensor) { return tensor.name == wanted; };
  while (std::ranges::any_of(manifest_.tensors, is_taken)) wanted += '_';
  return wanted;
}

}  // namespace tensorferry
