#include <algorithm>
#include <memory>
#include <utility>

#include "bundle_contents.h"
#include "bundle_encode.h"
#include "dtypes.h"
#include "encoding.h"
#include "resolve.h"
#include "sniff.h"
#include "state_file.h"
#include "table_builder.h"
#include "tensorflow.h"

namespace tensorferry {
namespace {

using namespace tensorflow;

constexpr std::uint64_t kMostShards = 99999;  // what five digits count

/// The index with the checksums of literals in it, and where those of the tensors go.
struct Index {
  BuiltTable table;
  std::vector<std::pair<std::size_t, std::uint64_t>> pending;  // tensor, end of the value
};

Index build_index(const BundleContents& bundle) {
  std::vector<const Content*> sorted;
  for (const Content& content : bundle.contents) sorted.push_back(&content);
  std::sort(sorted.begin(), sorted.end(),
            [](const Content* a, const Content* b) { return a->key < b->key; });
  TableBuilder builder;
  builder.add("", encode_header(bundle.shard_bytes.size()));
  for (const Content* content : sorted) {
    const EntryFields fields{code_of_dtype(content->dtype), content->shape, content->shard,
                             content->offset, content->size};
    builder.add(content->key, encode_entry(fields) + encode_crc(content->masked_crc));
  }
  Index index{std::move(builder).finish(), {}};
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (!sorted[i]->literal) {
      index.pending.emplace_back(*sorted[i]->tensor, index.table.value_ends[i + 1]);
    }
  }
  index.table.value_ends = {};
  return index;
}

class TensorflowWriter final : public Writer {
 public:
  std::optional<Encoding> encoding(DType dtype) const override {
    return tensorflow::encoding_of(dtype);
  }

  Layout lay_out(const Manifest& manifest, const Output& output, const Options& options,
                 const Limits& limits) const override {
    const std::string prefix = prefix_of(output.leaf);
    BundleContents bundle = contents_of(manifest, write_options(options), limits);
    Layout layout;
    layout.notes = std::move(bundle.notes);
    // The order of Layout::files: the data comes into being first, then the index that names it,
    // then what names the index.
    if (options.boolean("state_file")) add_text(layout, "checkpoint", format_state_file(prefix));
    const std::size_t index_file = layout.files.size();
    layout.files.push_back({prefix + ".index", 0});
    const auto shards = static_cast<std::int32_t>(bundle.shard_bytes.size());
    for (std::int32_t i = 0; i < shards; ++i) {
      layout.files.push_back(
          {shard_name(prefix, i, shards), bundle.shard_bytes[static_cast<std::size_t>(i)]});
    }
    add_index(layout, index_file, build_index(bundle));
    add_data(layout, index_file + 1, bundle.contents, manifest.tensors.size());
    return layout;
  }

 private:
  static std::string prefix_of(const std::string& leaf) {
    if (const auto prefix = prefix_of_shard(leaf)) {
      throw Error(ErrorCode::usage, "shard_as_target",
                  "is the name of one data file; name the checkpoint: " + printable(*prefix))
          .in_file(leaf);
    }
    return without_suffix(leaf, ".index").value_or(leaf);
  }

  static WriteOptions write_options(const Options& options) {
    WriteOptions result;
    const std::string graph = options.text("object_graph");
    if (graph == "generate") result.graph = WriteOptions::Graph::generate;
    if (graph == "none") result.graph = WriteOptions::Graph::none;
    result.strip_colon_zero = options.boolean("strip_colon_zero");
    if (options.given("max_shard_size")) {
      result.max_shard_bytes = std::max<std::uint64_t>(options.bytes("max_shard_size"), 1);
    }
    if (options.given("shards")) {
      const std::int64_t shards = options.integer("shards");
      if (shards < 1 || shards > static_cast<std::int64_t>(kMostShards)) {
        throw Error(ErrorCode::usage, "bad_option",
                    "shards=" + std::to_string(shards) + ": 1 to " + std::to_string(kMostShards));
      }
      result.shards = static_cast<std::uint64_t>(shards);
    }
    return result;
  }

  static void add_text(Layout& layout, std::string name, std::string text) {
    layout.files.push_back({std::move(name), text.size()});
    layout.segments.push_back({layout.files.size() - 1, 0, std::move(text)});
  }

  static void add_index(Layout& layout, std::size_t file, Index index) {
    layout.files[file].size = index.table.bytes.size();
    layout.segments.push_back({file, 0, std::move(index.table.bytes), true});
    layout.finish = [index_segment = layout.segments.size() - 1, index = std::move(index)](
                        std::span<const std::uint32_t> crcs, std::span<Segment> segments) {
      std::string& bytes = segments[index_segment].bytes;
      for (const auto& [tensor, value_end] : index.pending) {
        const std::string field = encode_crc(mask_crc(crcs[tensor]));
        bytes.replace(value_end - field.size(), field.size(), field);
      }
      seal(bytes, index.table.blocks);
    };
  }

  // One slot a tensor, in the order of the manifest: finish() looks checksums up by it.
  static void add_data(Layout& layout, std::size_t first_file, std::vector<Content>& contents,
                       std::size_t tensors) {
    layout.slots.resize(tensors);
    for (Content& content : contents) {
      const std::size_t file = first_file + static_cast<std::size_t>(content.shard);
      if (content.tensor) {
        Slot& slot = layout.slots[*content.tensor];
        slot.tensor = *content.tensor;
        slot.file = file;
        slot.offset = content.offset;
        slot.length = content.size;
        if (content.literal) slot.fill = Slot::Fill::literal;
      }
      if (content.literal && !content.literal->empty()) {
        layout.segments.push_back({file, content.offset, std::move(*content.literal)});
      }
    }
  }
};

}  // namespace

std::shared_ptr<const Writer> make_tensorflow_writer() {
  return std::make_shared<TensorflowWriter>();
}

}  // namespace tensorferry
