#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "core/carriers.h"
#include "encoding.h"
#include "safetensors.h"
#include "safetensors_wire.h"
#include "util/in_order.h"
#include "util/metadata_entries.h"
#include "util/stored_names.h"

namespace tensorferry {
namespace safetensors {
namespace {

constexpr std::string_view kSuffix = ".safetensors", kIndexSuffix = ".safetensors.index.json";
// Loaders of the Hugging Face libraries refuse a file whose metadata lacks this entry.
constexpr std::string_view kFormat = "format", kDefaultFormat = "pt";

bool can_hold(std::string_view name) { return name != kMetadataKey; }

std::string without(std::string_view name, std::string_view suffix) {
  if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
  return std::string(name);
}

std::string five_digits(std::size_t number) {
  const std::string digits = std::to_string(number);
  return std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
}

class Writing {
 public:
  Writing(const Manifest& manifest, const Options& options)
      : manifest_(manifest), names_(manifest, "safetensors", can_hold), options_(options) {
    encodings_.reserve(manifest.tensors.size());
    types_.reserve(manifest.tensors.size());
    bytes_.reserve(manifest.tensors.size());
    for (const Tensor& tensor : manifest.tensors) {
      const Encoding encoding = *encoding_of(tensor);
      encodings_.push_back(encoding);
      types_.push_back(element_type(encoding.dtype));
      bytes_.push_back(encoded_bytes(tensor.dtype, encoding.codec, tensor.elements()));
    }
    set_metadata();
  }

  Layout lay_out(const std::string& leaf) {
    std::vector<std::vector<std::size_t>> shards = split();
    Layout layout;
    const bool index = shards.size() > 1 || leaf.ends_with(kIndexSuffix);
    const std::string stem = without(without(leaf, kIndexSuffix), kSuffix);
    if (index) layout.files.push_back({stem + std::string(kIndexSuffix), 0});
    WeightMap weights;
    for (std::size_t i = 0; i < shards.size(); ++i) {
      const std::string name = stem + "-" + five_digits(i + 1) + "-of-" +
                               five_digits(shards.size()) + std::string(kSuffix);
      if (index) {
        for (std::size_t tensor : shards[i]) weights.emplace(names_.of(tensor), name);
      }
      add_file(layout, index ? name : "", std::move(shards[i]));
    }
    if (index) {
      std::string text =
          format_index(weights, std::accumulate(bytes_.begin(), bytes_.end(), std::uint64_t{0}));
      layout.files[0].size = text.size();
      layout.segments.push_back({0, 0, std::move(text)});
    }
    if (names_.escaped_count() > 0) {
      layout.notes.push_back({"safetensors.escaped_names",
                              std::to_string(names_.escaped_count()) +
                                  " names are not UTF-8, or reserved: escaped, and recorded in "
                                  "tensorferry.tensors"});
    }
    return layout;
  }

 private:
  void set_metadata() {
    metadata_ = metadata_entries(
        manifest_, {"a safetensors file", [](DType dtype) { return encoding_of(dtype); },
                    [&](std::size_t i) -> std::string_view { return names_.of(i); },
                    [](const Tensor& tensor) { return encoding_of(tensor); }});
    const auto given = std::find_if(metadata_.begin(), metadata_.end(),
                                    [](auto& e) { return e.first == kFormat; });
    if (given == metadata_.end()) {
      metadata_.emplace_back(kFormat,
                             options_.given(kFormat) ? options_.text(kFormat) : kDefaultFormat);
    } else if (options_.given(kFormat)) {
      given->second = options_.text(kFormat);
    }
  }

  /// Tensors in the order of the manifest, as many in a file as fit.
  std::vector<std::vector<std::size_t>> split() const {
    const std::uint64_t most =
        options_.given("split_max_size") ? options_.bytes("split_max_size") : ~std::uint64_t{0};
    std::vector<std::vector<std::size_t>> shards(1);
    std::uint64_t filled = 0;
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      if (!shards.back().empty() && (filled > most || bytes_[i] > most - filled)) {
        shards.emplace_back();
        filled = 0;
      }
      shards.back().push_back(i);
      filled = checked_add(filled, bytes_[i]);
    }
    return shards;
  }

  /// The library sorts by element type, the widest first, then by name.
  void sort(std::vector<std::size_t>& tensors) const {
    const auto before = [&](std::size_t a, std::size_t b) {
      const int rank_a = types_[a]->rank, rank_b = types_[b]->rank;
      return rank_a != rank_b ? rank_a > rank_b : names_.of(a) < names_.of(b);
    };
    sort_unless_sorted(tensors.begin(), tensors.end(), before);
  }

  void add_file(Layout& layout, std::string file_name, std::vector<std::size_t> tensors) const {
    sort(tensors);
    HeaderText text(metadata_, expected_bytes(tensors));
    const std::size_t first = layout.slots.size(), file = layout.files.size();
    layout.slots.reserve(first + tensors.size());
    std::uint64_t end = 0;
    for (const std::size_t i : tensors) {
      Slot& slot = layout.slots.emplace_back();
      slot.tensor = i;
      slot.file = file;
      slot.offset = end;
      slot.length = bytes_[i];
      slot.codec = encodings_[i].codec;
      end = checked_add(end, bytes_[i]);
      const Shape& shape = manifest_.tensors[i].shape;
      const bool native = encodings_[i].carrier == Carrier::native;
      const Shape carried = native ? Shape() : carried_shape(encodings_[i].carrier, shape);
      text.add(names_.of(i), types_[i]->name, native ? shape : carried, {slot.offset, end});
    }
    std::string header = std::move(text).finish(options_.bytes("alignment"));
    if (header.size() - kLengthBytes > kMostHeaderBytes) {
      throw Error(ErrorCode::output, "too_large",
                  "the header would take " + std::to_string(header.size() - kLengthBytes) +
                      " bytes, safetensors allows " + std::to_string(kMostHeaderBytes) +
                      ": use --split-max-size, or leave tensors out");
    }
    for (std::size_t k = first; k < layout.slots.size(); ++k)
      layout.slots[k].offset += header.size();
    layout.files.push_back({std::move(file_name), checked_add(header.size(), end)});
    layout.segments.push_back({file, 0, std::move(header)});
  }

  /// Of a header, about.
  std::size_t expected_bytes(const std::vector<std::size_t>& tensors) const {
    constexpr std::size_t kEntryBytes = 96;
    std::size_t bytes = kEntryBytes;
    for (const auto& [key, value] : metadata_) bytes += key.size() + value.size() + kEntryBytes;
    for (const std::size_t i : tensors) bytes += names_.of(i).size() + kEntryBytes;
    return bytes;
  }

  const Manifest& manifest_;
  StoredNames names_;
  const Options& options_;
  std::vector<Encoding> encodings_;
  std::vector<const ElementType*> types_;
  std::vector<std::uint64_t> bytes_;  // of each tensor's elements
  MetadataEntries metadata_;
};

class SafetensorsWriter final : public Writer {
 public:
  std::optional<Encoding> encoding(DType dtype) const override {
    return safetensors::encoding_of(dtype);
  }
  std::optional<Encoding> encoding_for(const Tensor& tensor) const override {
    return safetensors::encoding_of(tensor);
  }

  Layout lay_out(const Manifest& manifest, const Output& output, const Options& options,
                 const Limits&) const override {
    if (output.directory) {
      throw Error(ErrorCode::usage, "directory_output",
                  "safetensors is written to a file: name it MODEL.safetensors");
    }
    return Writing(manifest, options).lay_out(output.leaf);
  }
};

}  // namespace
}  // namespace safetensors

std::shared_ptr<const Writer> make_safetensors_writer() {
  return std::make_shared<safetensors::SafetensorsWriter>();
}

}  // namespace tensorferry
