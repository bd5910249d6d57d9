#include "bundle_keys.h"

#include <string_view>
#include <unordered_map>

#include "names.h"
#include "object_graph.h"
#include "tensorferry/stream.h"
#include "util/text.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::string_view kColonZero = ":0";
constexpr std::size_t kMostRank = 254;           // TensorShape::MaxDimensions
constexpr std::size_t kMostKeyBytes = 1u << 20;  // what the reader takes

const std::string* text_attribute(const Attributes& attributes, std::string_view key) {
  const auto found = attributes.find(std::string(key));
  return found == attributes.end() ? nullptr : std::get_if<std::string>(&found->second);
}

bool is_graph_tensor(const Tensor& tensor) {
  return tensor.name == kGraphKey && tensor.dtype == DType::string && tensor.shape.empty();
}

void refuse(std::string_view detail, std::string_view why, const std::vector<std::string>& names) {
  if (names.empty()) return;
  throw Error(ErrorCode::unsupported, detail, std::string(why) + ": " + join_names(names));
}

std::string key_of(const Tensor& tensor, const WriteOptions& options, bool by_graph) {
  if (is_graph_tensor(tensor)) return tensor.name;
  if (options.graph == WriteOptions::Graph::generate) {
    return graph_variable(shown_name(tensor, options)).key;
  }
  const std::string* key = text_attribute(tensor.attributes, "tensorflow.key");
  if (by_graph && key != nullptr) return *key;
  return by_graph ? tensor.name : shown_name(tensor, options);
}

void check_keys(const Manifest& manifest, const std::vector<std::string>& keys) {
  std::vector<std::string> empty, slices, reserved, large, ranks;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string& name = manifest.tensors[i].name;
    if (keys[i].empty()) empty.push_back(name);
    if (keys[i].starts_with('\0')) slices.push_back(name);
    if (keys[i] == kMetadataKey) reserved.push_back(name);
    if (keys[i] == kGraphKey && !is_graph_tensor(manifest.tensors[i])) reserved.push_back(name);
    if (keys[i].size() > kMostKeyBytes) large.push_back(name);
    if (manifest.tensors[i].shape.size() >= kMostRank) ranks.push_back(name);
  }
  refuse("name", "the empty name is the key of a checkpoint's header", empty);
  refuse("name", "names that begin with a zero byte are kept for slices of tensors", slices);
  refuse("name", "a name of a checkpoint's own", reserved);
  refuse("name", "names above 1 MiB", large);
  refuse("rank", "TensorFlow has fewer than 254 dimensions", ranks);
}

void check_unique(const Manifest& manifest, const std::vector<std::string>& keys) {
  std::unordered_map<std::string_view, std::size_t> first;
  std::vector<std::string> taken;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto [place, is_new] = first.try_emplace(keys[i], i);
    if (is_new) continue;
    taken.push_back(manifest.tensors[place->second].name + " and " + manifest.tensors[i].name);
  }
  refuse("name_taken", "these have the same key in the checkpoint", taken);
}

}  // namespace

std::string shown_name(const Tensor& tensor, const WriteOptions& options) {
  const bool strip = options.strip_colon_zero && tensor.name.ends_with(kColonZero);
  return strip ? tensor.name.substr(0, tensor.name.size() - kColonZero.size()) : tensor.name;
}

std::optional<std::string> carried_graph(const Manifest& manifest, const Limits& limits) {
  for (const Tensor& tensor : manifest.tensors) {
    if (is_graph_tensor(tensor)) return load_strings(tensor, limits).at(0);
  }
  const std::string* graph = text_attribute(manifest.attributes, kGraphAttribute);
  if (graph == nullptr) return std::nullopt;
  return *graph;
}

std::vector<std::string> keys_of(const Manifest& manifest, const WriteOptions& options) {
  bool by_graph = false;
  if (options.graph == WriteOptions::Graph::automatic) {
    by_graph = text_attribute(manifest.attributes, kGraphAttribute) != nullptr;
    for (const Tensor& tensor : manifest.tensors) by_graph = by_graph || is_graph_tensor(tensor);
  }
  std::vector<std::string> keys, not_utf8;
  keys.reserve(manifest.tensors.size());
  for (const Tensor& tensor : manifest.tensors) {
    keys.push_back(key_of(tensor, options, by_graph));
    const bool generated = options.graph == WriteOptions::Graph::generate;
    if (generated && !is_utf8(keys.back())) not_utf8.push_back(tensor.name);
  }
  refuse("name", "names in an object graph are UTF-8", not_utf8);
  check_keys(manifest, keys);
  check_unique(manifest, keys);
  return keys;
}

void refuse_untaggable(const Manifest& manifest) {
  std::vector<std::string> names;
  for (const Tensor& tensor : manifest.tensors) {
    const bool tagged =
        !tensor.attributes.empty() || encoding_of(tensor.dtype)->carrier != Carrier::native;
    if (tagged && !is_utf8(tensor.name)) names.push_back(tensor.name);
  }
  refuse("name", "a dtype that TensorFlow lacks or attributes, under a name that is not UTF-8",
         names);
}

}  // namespace tensorferry::tensorflow
