#include "bundle_contents.h"

#include <algorithm>
#include <utility>

#include "bundle_keys.h"
#include "core/carriers.h"
#include "dtypes.h"
#include "encoding.h"
#include "names.h"
#include "object_graph.h"
#include "shards.h"
#include "string_payload.h"
#include "tensorferry/stream.h"
#include "util/crc32c.h"
#include "util/metadata_entries.h"
#include "variant_payload.h"

namespace tensorferry::tensorflow {
namespace {

Content strings_content(std::string key, Shape shape, const std::vector<std::string>& strings) {
  EncodedPayload payload = encode_strings(strings);
  Content content;
  content.key = std::move(key);
  content.dtype = DType::string;
  content.shape = std::move(shape);
  content.size = payload.bytes.size();
  content.literal = std::move(payload.bytes);
  content.masked_crc = payload.masked_crc;
  return content;
}

Content save_counter_content(std::string key) {
  Content content;
  content.key = std::move(key);
  content.dtype = DType::int64;
  content.size = 8;
  content.literal = std::string(content.size, '\0');
  content.masked_crc = mask_crc(crc32c(0, as_bytes(*content.literal)));
  return content;
}

void load_variants(const Tensor& tensor, Content& content) {
  const auto& range = std::get<FileRange>(tensor.stored.pieces.at(0).origin);
  content.literal = range.file->read_string(range.offset, range.length);
  content.size = content.literal->size();
  try {
    content.masked_crc = masked_crc_of_variants(*content.literal, tensor.elements());
  } catch (const Error& error) {
    throw error.in_file(range.file->name()).in_tensor(tensor.name);
  }
}

Content content_of(const Tensor& tensor, std::size_t index, std::string key, const Limits& limits) {
  Content content;
  if (tensor.dtype == DType::string) {
    content = strings_content(std::move(key), tensor.shape, load_strings(tensor, limits));
    content.tensor = index;
    return content;
  }
  const Encoding encoding = *encoding_of(tensor.dtype);
  content.key = std::move(key);
  content.tensor = index;
  content.dtype = encoding.dtype;
  content.shape = carried_shape(encoding.carrier, tensor.shape);
  if (tensor.dtype == DType::variant) {
    load_variants(tensor, content);
  } else {
    content.size = encoded_bytes(tensor.dtype, encoding.codec, tensor.elements());
  }
  return content;
}

/// Attributes that describe the checkpoint they were read from: the one written has its own.
void drop_own(Attributes& attributes) {
  attributes.erase(carry_as_attribute);
  std::erase_if(attributes, [](const auto& item) { return item.first.starts_with("tensorflow."); });
}

class Assembler {
 public:
  Assembler(const Manifest& manifest, const WriteOptions& options, const Limits& limits)
      : manifest_(manifest), options_(options), limits_(limits) {}

  BundleContents assemble() && {
    keys_ = keys_of(manifest_, options_);
    const std::optional<SourceOrder> source = source_order(manifest_);
    for (std::size_t i = 0; i < manifest_.tensors.size(); ++i) {
      const std::size_t at = source ? source->tensors[i] : i;
      result_.contents.push_back(content_of(manifest_.tensors[at], at, keys_[at], limits_));
      if (source) result_.contents.back().shard = source->shard_of[at];
    }
    add_graph();
    add_metadata();
    const bool as_source = source && options_.shards == 0 && options_.max_shard_bytes == 0;
    if (!as_source) cut_into_shards();
    place();
    return std::move(result_);
  }

 private:
  void add(Content content) {
    if (!result_.contents.empty()) content.shard = result_.contents.back().shard;
    result_.contents.push_back(std::move(content));
  }

  bool has_key(std::string_view key) const {
    return std::find(keys_.begin(), keys_.end(), key) != keys_.end();
  }

  // The tensor that is the graph, if it was selected; otherwise a new one behind the others.
  void set_graph(const std::string& graph) {
    for (Content& content : result_.contents) {
      if (content.key != kGraphKey) continue;
      Content made = strings_content(content.key, {}, {graph});
      made.tensor = content.tensor;
      made.shard = content.shard;
      content = std::move(made);
      return;
    }
    add(strings_content(std::string(kGraphKey), {}, {graph}));
  }

  void add_graph() {
    if (options_.graph == WriteOptions::Graph::generate) return generate();
    if (options_.graph == WriteOptions::Graph::none) return;
    const std::optional<std::string> graph = carried_graph(manifest_, limits_);
    if (!graph) return;
    if (const auto counter = save_counter_key(*graph); counter && !has_key(*counter)) {
      add_save_counter(*counter);
      result_.notes.push_back({"tensorflow.save_counter",
                               "the save counter is not among the tensors and is written as 0"});
    }
    std::vector<std::string_view> keys;
    for (const Content& content : result_.contents) keys.push_back(content.key);
    std::sort(keys.begin(), keys.end());
    const std::optional<std::string> kept = prune_graph(*graph, keys);
    if (!kept) {
      result_.notes.push_back(
          {"tensorflow.object_graph", "the object graph is malformed and carried as it is"});
    } else if (*kept != *graph) {
      result_.notes.push_back(
          {"tensorflow.object_graph", "the object graph is carried without what is not written"});
    }
    set_graph(kept.value_or(*graph));
  }

  void generate() {
    std::vector<GraphVariable> variables;
    for (std::size_t i = 0; i < manifest_.tensors.size(); ++i) {
      if (keys_[i] == kGraphKey) continue;
      variables.push_back(graph_variable(shown_name(manifest_.tensors[i], options_)));
    }
    GraphVariable counter = graph_variable("save_counter");
    if (!has_key(counter.key)) {
      add_save_counter(counter.key);
      variables.push_back(std::move(counter));
    }
    set_graph(generate_graph(variables));
  }

  void add_save_counter(const std::string& key) { add(save_counter_content(key)); }

  void add_metadata() {
    Manifest described;
    described.attributes = manifest_.attributes;
    drop_own(described.attributes);
    for (std::size_t i = 0; i < manifest_.tensors.size(); ++i) {
      Tensor& tensor = described.tensors.emplace_back();
      tensor.name = keys_[i];
      tensor.dtype = manifest_.tensors[i].dtype;
      tensor.shape = manifest_.tensors[i].shape;
      tensor.attributes = manifest_.tensors[i].attributes;
      drop_own(tensor.attributes);
    }
    refuse_untaggable(described);
    const MetadataEntries entries =
        metadata_entries(described, {"a TensorFlow checkpoint", encoding_of,
                                     [&](std::size_t i) -> std::string_view { return keys_[i]; }});
    if (entries.empty()) return;
    std::vector<std::string> strings;
    for (const auto& [key, value] : entries) strings.insert(strings.end(), {key, value});
    add(strings_content(std::string(kMetadataKey), {entries.size(), 2}, strings));
  }

  void cut_into_shards() {
    std::vector<std::uint64_t> sizes;
    for (const Content& content : result_.contents) sizes.push_back(content.size);
    const std::vector<std::uint64_t> shards =
        cut_by_bytes(sizes, std::max<std::uint64_t>(options_.shards, 1), options_.max_shard_bytes);
    for (std::size_t i = 0; i < shards.size(); ++i) result_.contents[i].shard = shards[i];
  }

  // Numbers the shards that hold anything without gaps and gives everything its place.
  void place() {
    std::vector<std::uint64_t> used;
    for (const Content& content : result_.contents) used.push_back(content.shard);
    std::sort(used.begin(), used.end());
    used.erase(std::unique(used.begin(), used.end()), used.end());
    result_.shard_bytes.resize(std::max<std::size_t>(used.size(), 1));
    for (Content& content : result_.contents) {
      const auto found = std::lower_bound(used.begin(), used.end(), content.shard);
      content.shard = static_cast<std::uint64_t>(found - used.begin());
      std::uint64_t& end = result_.shard_bytes[content.shard];
      content.offset = end;
      end = checked_add(end, content.size);
    }
  }

  const Manifest& manifest_;
  const WriteOptions& options_;
  const Limits& limits_;
  std::vector<std::string> keys_;  // of each tensor
  BundleContents result_;
};

}  // namespace

std::optional<Encoding> encoding_of(DType dtype) {
  switch (dtype) {
    case DType::longdouble:
      return Encoding{DType::uint8, Carrier::last16};
    case DType::float8_e8m0fnu:
    case DType::float6_e2m3fn:
    case DType::float6_e3m2fn:
      return Encoding{DType::uint8, Carrier::codes};
    case DType::resource:
      return std::nullopt;
    default:
      if (code_of_dtype(dtype) == 0) return std::nullopt;
      return Encoding{dtype};
  }
}

BundleContents contents_of(const Manifest& manifest, const WriteOptions& options,
                           const Limits& limits) {
  return Assembler(manifest, options, limits).assemble();
}

}  // namespace tensorferry::tensorflow
