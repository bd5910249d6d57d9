#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "describe.h"
#include "graph.h"
#include "graph_sniff.h"
#include "manifest_builder.h"
#include "metadata.h"
#include "parts.h"
#include "resolve.h"
#include "sniff.h"
#include "table.h"
#include "tensorferry/stream.h"
#include "tensorflow.h"
#include "util/wire_check.h"
#include "v1_checkpoint.h"
#include "wire_schema.h"

namespace tensorferry {
namespace {

using namespace tensorflow;

/// The file that was named may be left from another save of that name.
void note_stale_shard(const Input& input, Manifest& manifest) {
  const auto shard = parse_shard_name(input.leaf());
  const auto& count = manifest.attributes["tensorflow.num_shards"];
  if (!shard || !shard->prefix.ends_with(".data") ||
      static_cast<std::int64_t>(shard->count) == std::get<std::int64_t>(count)) {
    return;
  }
  manifest.notes.push_back({"tensorflow.stale_shards",
                            printable(input.leaf()) + " is no file of this checkpoint, which has " +
                                std::to_string(std::get<std::int64_t>(count)) + " data files"});
}

Manifest read_bundle(const Input& input, const Resolved& resolved, const Limits& limits) {
  const Table table(resolved.index, limits);
  try {
    ManifestBuilder builder(input, resolved, limits, table.count());
    table.for_each([&](std::string_view key, std::string_view value) { builder.add(key, value); });
    Manifest manifest = std::move(builder).finish();
    note_stale_shard(input, manifest);
    return manifest;
  } catch (const Error& error) {
    throw error.in_file(resolved.index->name());
  }
}

Manifest read_parts(const Input& input, const Resolved& resolved, const Limits& limits) {
  std::vector<Manifest> parts;
  for (const Resolved& part : resolved.parts) parts.push_back(read_bundle(input, part, limits));
  std::vector<std::string> missing;
  for (const std::string& name : resolved.missing) missing.push_back(name + ".index");
  Manifest manifest = join_parts(std::move(parts), missing);
  manifest.notes.insert(manifest.notes.begin(), resolved.notes.begin(), resolved.notes.end());
  return manifest;
}

Manifest read_checkpoint(const Input& input, const Resolved& resolved, const Limits& limits) {
  switch (resolved.kind) {
    case Resolved::Kind::bundle:
      return apply_own_metadata(read_bundle(input, resolved, limits), limits);
    case Resolved::Kind::v1:
      return read_v1(resolved, limits);
    case Resolved::Kind::parts:
      return read_parts(input, resolved, limits);
    case Resolved::Kind::nothing:
      break;
  }
  Manifest nothing;
  nothing.notes = resolved.notes;
  return nothing;
}

/// A file that is nothing but a graph: by its name, so that a damaged one is called so, or content.
bool is_frozen_graph(const Input& input) {
  if (input.kind() != Input::Kind::file) return false;
  const std::string& leaf = input.leaf();
  if (leaf == "saved_model.pb" || input.has_sibling(leaf + ".index")) return false;
  return leaf.ends_with(".pb") || looks_like_graph(*input.file());
}

/// The graph that the user asks for in place of the variables.
Manifest read_requested_graph(const Input& input, const Limits& limits) {
  const std::string& leaf = input.leaf();
  const std::string saved_model = "saved_model.pb", meta = leaf + ".meta";
  if (input.kind() == Input::Kind::directory && input.has_sibling(saved_model))
    return read_graph(input.sibling(saved_model), GraphKind::saved_model, limits);
  if (input.kind() == Input::Kind::file) {
    const auto file = input.file();
    if (leaf == saved_model) return read_graph(file, GraphKind::saved_model, limits);
    if (leaf.ends_with(".meta") || looks_like_meta_graph(*file))
      return read_graph(file, GraphKind::meta_graph, limits);
    if (is_frozen_graph(input)) return read_graph(file, GraphKind::graph, limits);
  }
  if (!leaf.empty() && input.has_sibling(meta))
    return read_graph(input.sibling(meta), GraphKind::meta_graph, limits);
  throw Error(ErrorCode::input, "missing",
              "graph=true: there is no graph, neither a saved_model.pb nor a .meta file")
      .in_file(input.name());
}

class TensorflowReader final : public Reader {
 public:
  Manifest read(const Input& input, const Options& options, const Limits& limits) const override {
    if (options.given("graph") && options.boolean("graph"))
      return read_requested_graph(input, limits);
    if (is_frozen_graph(input)) return read_graph(input.file(), GraphKind::graph, limits);
    Manifest manifest = read_checkpoint(input, resolve(input), limits);
    describe(manifest, name_style(options), limits);
    return manifest;
  }

  void check_skipped(const Input& input, const Options& options, const Limits& limits,
                     const Manifest& manifest) const override {
    const wire::MessageSchema schema(kWireSchema);
    if (is_frozen_graph(input)) return schema.check(*input.file(), "GraphDef");
    const std::string saved_model = "saved_model.pb";
    if (input.leaf().empty() ? input.has_sibling(saved_model) : input.leaf() == saved_model)
      schema.check(*input.sibling(saved_model), "SavedModel");
    if (options.given("graph") && options.boolean("graph")) return check_meta_graph(schema, input);
    const std::string meta = resolve(input).prefix + ".meta";
    if (input.has_sibling(meta)) schema.check(*input.sibling(meta), "MetaGraphDef");
    for (const Tensor& tensor : manifest.tensors)
      if (tensor.name == kGraphKey && !tensor.problem) check_object_graph(schema, tensor, limits);
  }

 private:
  static void check_meta_graph(const wire::MessageSchema& schema, const Input& input) {
    if (input.kind() == Input::Kind::file && input.leaf() != "saved_model.pb")
      schema.check(*input.file(), "MetaGraphDef");
  }

  static void check_object_graph(const wire::MessageSchema& schema, const Tensor& tensor,
                                 const Limits& limits) {
    if (tensor.dtype != DType::string || !tensor.shape.empty()) return;
    Limits bounded = limits;
    bounded.string_bytes = std::min(limits.string_bytes, limits.header_bytes);
    try {
      const std::vector<std::string> strings = load_strings(tensor, bounded);
      schema.check(*memory_file({}, strings.at(0)), "TrackableObjectGraph");
    } catch (const Error& error) {
      throw error.in_tensor(tensor.name);
    }
  }
};

}  // namespace

std::shared_ptr<const Reader> make_tensorflow_reader() {
  return std::make_shared<TensorflowReader>();
}

}  // namespace tensorferry
