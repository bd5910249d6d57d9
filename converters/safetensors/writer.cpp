#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "core/carriers.h"
#include "safetensors.h"
#include "safetensors_wire.h"
#include "util/metadata_entries.h"
#include "util/stored_names.h"
#include "util/text.h"

namespace tensorferry {
namespace safetensors {
namespace {

constexpr std::string_view kSuffix = ".safetensors";
constexpr std::string_view kIndexSuffix = ".safetensors.index.json";
constexpr std::string_view kDefaultStem = "model";

std::optional<Encoding> encoding_of_dtype(DType dtype) {
  switch (dtype) {
    case DType::int2:
    case DType::int4:
      return Encoding{DType::int8, Carrier::sign_extended, Codec::sign_extended};
    case DType::uint2:
    case DType::uint4:
    case DType::float6_e2m3fn:
    case DType::float6_e3m2fn:
    case DType::float8_e4m3b11fnuz:
      return Encoding{DType::uint8, Carrier::codes};
    case DType::qint8: return Encoding{DType::int8, Carrier::bits};
    case DType::quint8: return Encoding{DType::uint8, Carrier::bits};
    case DType::qint16: return Encoding{DType::int16, Carrier::bits};
    case DType::quint16: return Encoding{DType::uint16, Carrier::bits};
    case DType::qint32: return Encoding{DType::int32, Carrier::bits};
    case DType::longdouble: return Encoding{DType::uint8, Carrier::last16};
    case DType::complex128: return Encoding{DType::float64, Carrier::last2};
    case DType::string: return Encoding{DType::string, Carrier::string_pair};
    case DType::float4_e2m1fn: return Encoding{dtype, Carrier::native, Codec::packed};
    default: break;
  }
  if (!element_type(dtype)) return std::nullopt;
  return Encoding{dtype};
}

// The library wants whole bytes of a tensor.
std::optional<Encoding> encoding_of_tensor(const Tensor& tensor) {
  if (tensor.dtype == DType::float4_e2m1fn && tensor.elements() % 2 != 0)
    return Encoding{DType::uint8, Carrier::codes};
  return encoding_of_dtype(tensor.dtype);
}

// "model-00001-of-00003.safetensors", as other tools name them.
std::string shard_name(const std::string& stem, std::size_t number, std::size_t count) {
  const auto digits = [](std::size_t value) {
    const std::string text = std::to_string(value);
    return std::string(text.size() < 5 ? 5 - text.size() : 0, '0') + text;
  };
  return stem + "-" + digits(number + 1) + "-of-" + digits(count) + std::string(kSuffix);
}

// One tensor as it will lie in its file.
struct Placement {
  Encoding encoding;
  ElementType type;
  std::uint64_t bytes = 0;
};

class Layouter {
 public:
  Layouter(const Manifest& manifest, const Output& output, const Options& options)
      : manifest_(manifest),
        output_(output),
        options_(options),
        names_(manifest, "safetensors", [](std::string_view name) { return name != kMetadataKey; }) {}

  Layout lay_out() {
    place();
    cut();
    name_files();
    for (std::size_t shard = 0; shard < shards_.size(); ++shard) add_file(shard);
    if (has_index_) add_index();
    if (names_.escaped_count() > 0) {
      layout_.notes.push_back(
          {"safetensors.escaped_names",
           std::to_string(names_.escaped_count()) +
               " names are not UTF-8 or reserved: escaped, and recorded in __metadata__"});
    }
    return std::move(layout_);
  }

 private:
  void place() {
    std::vector<std::string> refused;
    for (const Tensor& tensor : manifest_.tensors) {
      const auto encoding = encoding_of_tensor(tensor);
      const auto type = encoding ? element_type(encoding->dtype) : std::nullopt;
      if (!type) {
        refused.push_back(tensor.name + " (" + std::string(to_string(tensor.dtype)) + ")");
        continue;
      }
      placements_.push_back(
          {*encoding, *type, encoded_bytes(tensor.dtype, encoding->codec, tensor.elements())});
    }
    if (refused.empty()) return;
    throw Error(ErrorCode::unsupported, "dtype", "safetensors cannot hold " + join_names(refused));
  }

  // Fills one file after the other, in the order of the manifest, so that what belongs together
  // stays together.
  void cut() {
    const bool split = options_.given("split_max_size");
    const std::uint64_t most = split ? options_.bytes("split_max_size") : ~std::uint64_t{0};
    std::uint64_t size = 0;
    shards_.emplace_back();
    for (std::size_t i = 0; i < placements_.size(); ++i) {
      const std::uint64_t bytes = placements_[i].bytes;
      total_ = checked_add(total_, bytes);
      if (!shards_.back().empty() && (size > most || bytes > most - size)) {
        shards_.emplace_back();
        size = 0;
      }
      shards_.back().push_back(i);
      size = checked_add(size, bytes);
    }
    for (auto& shard : shards_) std::sort(shard.begin(), shard.end(), Before{*this});
  }

  // The library's order: wide types first, then by name.
  struct Before {
    const Layouter& self;
    bool operator()(std::size_t a, std::size_t b) const {
      const int first = self.placements_[a].type.rank, second = self.placements_[b].type.rank;
      if (first != second) return first > second;
      return self.names_.of(a) < self.names_.of(b);
    }
  };

  // The first file of the layout is the one that users name: the index, where there is one.
  void name_files() {
    const std::string& leaf = output_.leaf;
    layout_.directory = output_.directory;
    const bool named_index = !output_.directory && leaf.ends_with(kIndexSuffix);
    has_index_ = shards_.size() > 1 || named_index;
    stem_ = kDefaultStem;
    if (!output_.directory) {
      const std::string_view suffix = named_index ? kIndexSuffix : kSuffix;
      stem_ = leaf.ends_with(suffix) ? leaf.substr(0, leaf.size() - suffix.size()) : leaf;
    }
    if (!has_index_) {
      layout_.files.push_back({output_.directory ? stem_ + std::string(kSuffix) : "", 0});
      return;
    }
    if (!output_.directory && !named_index) {
      throw Error(ErrorCode::usage, "several_files",
                  "the tensors take " + std::to_string(shards_.size()) +
                      " files: name a folder (with / at its end) or " + printable(stem_) +
                      std::string(kIndexSuffix));
    }
    layout_.files.push_back({output_.directory ? stem_ + std::string(kIndexSuffix) : "", 0});
    for (std::size_t i = 0; i < shards_.size(); ++i)
      layout_.files.push_back({shard_name(stem_, i, shards_.size()), 0});
  }

  void add_file(std::size_t shard) {
    const std::size_t file = shard + (has_index_ ? 1 : 0);
    std::vector<HeaderEntry> entries;
    std::uint64_t end = 0;
    for (const std::size_t tensor : shards_[shard]) {
      const Placement& placement = placements_[tensor];
      entries.push_back({names_.of(tensor), std::string(placement.type.name),
                         carried_shape(placement.encoding.carrier, manifest_.tensors[tensor].shape),
                         end, end + placement.bytes});
      end += placement.bytes;
    }
    const std::uint64_t alignment = std::stoul(options_.text("alignment"));
    std::string header = format_header(metadata_of(shard), entries, alignment);
    if (header.size() - kLengthBytes > kMostHeaderBytes) {
      throw Error(ErrorCode::output, "too_large",
                  "the header would take " + std::to_string(header.size() - kLengthBytes) +
                      " bytes, safetensors allows " + std::to_string(kMostHeaderBytes) +
                      ": --split-max-size makes several files");
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::size_t tensor = shards_[shard][i];
      Slot slot;
      slot.tensor = tensor;
      slot.file = file;
      slot.offset = header.size() + entries[i].begin;
      slot.length = placements_[tensor].bytes;
      slot.codec = placements_[tensor].encoding.codec;
      layout_.slots.push_back(slot);
    }
    layout_.files[file].size = checked_add(header.size(), end);
    layout_.segments.push_back({file, 0, std::move(header)});
  }

  // The attributes of the whole in every file, what is said of tensors only beside them.
  TextEntries metadata_of(std::size_t shard) const {
    Manifest part;
    const Manifest* described = &manifest_;
    if (shards_.size() > 1) {
      part.attributes = manifest_.attributes;
      for (const std::size_t tensor : shards_[shard]) {
        Tensor& copy = part.tensors.emplace_back();
        copy.name = manifest_.tensors[tensor].name;
        copy.dtype = manifest_.tensors[tensor].dtype;
        copy.shape = manifest_.tensors[tensor].shape;
        copy.attributes = manifest_.tensors[tensor].attributes;
      }
      described = &part;
    }
    TextEntries entries = metadata_entries(
        *described, {"safetensors", encoding_of_dtype,
                     [&](std::size_t i) {
                       return names_.of(shards_.size() > 1 ? shards_[shard][i] : i);
                     },
                     encoding_of_tensor});
    set_format(entries);
    return entries;
  }

  // Loaders refuse a file whose metadata does not say for which framework it is.
  void set_format(TextEntries& entries) const {
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [](const auto& entry) { return entry.first == "format"; });
    if (options_.given("format")) {
      if (found != entries.end()) entries.erase(found);
      entries.emplace_back("format", options_.text("format"));
    } else if (found == entries.end()) {
      entries.emplace_back("format", "pt");
    }
  }

  void add_index() {
    WeightMap weights;
    for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
      for (const std::size_t tensor : shards_[shard])
        weights.emplace(names_.of(tensor), layout_.files[shard + 1].name);
    }
    std::string text = format_index(weights, total_);
    layout_.files[0].size = text.size();
    layout_.segments.push_back({0, 0, std::move(text)});
  }

  const Manifest& manifest_;
  const Output& output_;
  const Options& options_;
  StoredNames names_;
  std::vector<Placement> placements_;
  std::vector<std::vector<std::size_t>> shards_;  // indices of tensors
  std::uint64_t total_ = 0;
  bool has_index_ = false;
  std::string stem_;
  Layout layout_;
};

class SafetensorsWriter final : public Writer {
 public:
  std::optional<Encoding> encoding(DType dtype) const override { return encoding_of_dtype(dtype); }
  std::optional<Encoding> encoding_of(const Tensor& tensor) const override {
    return encoding_of_tensor(tensor);
  }
  Layout lay_out(const Manifest& manifest, const Output& output,
                 const Options& options) const override {
    return Layouter(manifest, output, options).lay_out();
  }
};

}  // namespace
}  // namespace safetensors

std::shared_ptr<const Writer> make_safetensors_writer() {
  return std::make_shared<safetensors::SafetensorsWriter>();
}

}  // namespace tensorferry
