#include "describe.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "roles.h"
#include "tensorferry/stream.h"

namespace tensorferry::tensorflow {
namespace {

TrackableGraph load_graph(const Tensor& tensor, const Limits& limits) {
  if (tensor.dtype != DType::string || !tensor.shape.empty()) {
    throw Error(ErrorCode::corrupt, "object_graph", "the object graph is not one string");
  }
  Limits small = limits;
  small.string_bytes = std::min(limits.string_bytes, limits.header_bytes);
  std::vector<std::string> strings = load_strings(tensor, small);
  return TrackableGraph(std::move(strings.at(0)), limits.tensors);
}

/// Nothing when there is none; with a note when it cannot be read.
std::optional<TrackableGraph> find_graph(Manifest& manifest, const Tensor& tensor,
                                         const Limits& limits) {
  try {
    return load_graph(tensor, limits);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) throw;
    manifest.notes.push_back(
        {"tensorflow.names_are_keys",
         std::string("names are keys, the object graph cannot be read: ") + error.what()});
    return std::nullopt;
  }
}

}  // namespace

NameStyle name_style(const Options& options) {
  const std::string name = options.given("names") ? options.text("names") : "auto";
  if (name == "raw") return NameStyle::raw;
  if (name == "object") return NameStyle::object;
  return name == "keras" ? NameStyle::keras : NameStyle::automatic;
}

void describe(Manifest& manifest, NameStyle style, const Limits& limits) {
  const auto found = std::find_if(manifest.tensors.begin(), manifest.tensors.end(),
                                  [](const Tensor& tensor) { return tensor.name == kGraphKey; });
  const bool has_graph = found != manifest.tensors.end();
  if (!has_graph && style == NameStyle::automatic) style = NameStyle::raw;
  std::optional<TrackableGraph> graph;
  if (has_graph && style != NameStyle::raw) {
    graph = find_graph(manifest, *found, limits);
    if (!graph) style = NameStyle::raw;
  }
  assign_roles(manifest, graph ? &*graph : nullptr);
  apply_names(manifest, style, graph ? &*graph : nullptr);
}

}  // namespace tensorferry::tensorflow
