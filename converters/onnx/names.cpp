#include "names.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "util/text.h"

namespace tensorferry::onnx {

StoredNames::StoredNames(const Manifest& manifest) : manifest_(manifest) {
  const std::vector<Tensor>& tensors = manifest.tensors;
  std::set<std::string_view> taken;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::string& name = tensors[i].name;
    if (!name.empty() && is_utf8(name)) continue;
    auto ascii = [](unsigned char byte) { return byte < 0x80; };
    const auto [entry, added] =
        escaped_.emplace(i, name.empty() ? "%" : percent_encode(name, ascii));
    taken.insert(entry->second);
  }
  if (taken.empty()) return;
  std::vector<std::string> collisions;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!escaped(i) && taken.contains(tensors[i].name)) collisions.push_back(tensors[i].name);
  }
  if (!collisions.empty()) {
    throw Error(ErrorCode::unsupported, "name_collision",
                "other tensors that ONNX needs escaped names for would get the names of these: " +
                    join_names(collisions));
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

}  // namespace tensorferry::onnx
