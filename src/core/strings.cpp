#include "core/strings.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tensorferry/format.h"
#include "tensorferry/stream.h"
#include "util/name_index.h"
#include "util/shape_text.h"
#include "util/text.h"

namespace tensorferry {
namespace {

constexpr std::string_view kBytes = "#bytes", kOffsets = "#offsets";
const char* const kCarrierTag = "tensorferry.carrier";
const char* const kShapeTag = "tensorferry.shape";

// Offsets are stored little-endian, whatever the host.
void append_offset(std::vector<std::byte>& out, std::uint64_t offset) {
  for (int shift = 0; shift < 64; shift += 8)
    out.push_back(static_cast<std::byte>(offset >> shift));
}

std::uint64_t offset_at(const std::vector<std::byte>& bytes, std::size_t index) {
  std::uint64_t offset = 0;
  for (std::size_t i = 8; i-- > 0;)
    offset = offset << 8 | std::to_integer<std::uint64_t>(bytes[8 * index + i]);
  return offset;
}

bool is_split(const Tensor& tensor) { return tensor.dtype == DType::string && !tensor.problem; }

void refuse_taken_names(const Manifest& manifest) {
  std::unordered_set<std::string_view> kept;
  for (const Tensor& tensor : manifest.tensors) {
    if (!is_split(tensor)) kept.insert(tensor.name);
  }
  std::vector<std::string> taken;
  for (const Tensor& tensor : manifest.tensors) {
    if (!is_split(tensor)) continue;
    for (std::string_view suffix : {kBytes, kOffsets}) {
      std::string derived = tensor.name + std::string(suffix);
      if (kept.contains(derived)) taken.push_back(std::move(derived));
    }
  }
  if (taken.empty()) return;
  throw Error(
      ErrorCode::unsupported, "name_taken",
      "tensors of strings are written as NAME#bytes and NAME#offsets, but these names are taken: " +
          join_names(taken));
}

Tensor in_memory(const Tensor& origin, std::string_view suffix, DType dtype,
                 std::vector<std::byte> bytes) {
  Tensor tensor;
  tensor.name = origin.name + std::string(suffix);
  tensor.dtype = dtype;
  tensor.shape = {bytes.size() / info(dtype).bytes};
  tensor.attributes[kCarrierTag] = std::string(to_string(Carrier::string_pair));
  tensor.bookkeeping = origin.bookkeeping;
  const std::uint64_t length = bytes.size();
  Piece piece;
  piece.origin = FileRange{memory_file(tensor.name, std::move(bytes)), 0, length};
  tensor.stored.pieces.push_back(std::move(piece));
  return tensor;
}

std::pair<Tensor, Tensor> split(const Tensor& tensor, const Limits& limits) {
  const std::vector<std::string> elements = load_strings(tensor, limits);
  std::vector<std::byte> bytes, offsets;
  std::uint64_t total = 0;
  for (const std::string& element : elements) total += element.size();
  bytes.reserve(total);
  offsets.reserve(8 * (elements.size() + 1));
  append_offset(offsets, 0);
  for (const std::string& element : elements) {
    const auto raw = std::as_bytes(std::span(element));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
    append_offset(offsets, bytes.size());
  }
  std::pair<Tensor, Tensor> parts = {in_memory(tensor, kBytes, DType::uint8, std::move(bytes)),
                                     in_memory(tensor, kOffsets, DType::int64, std::move(offsets))};
  Attributes attributes = tensor.attributes;
  attributes[kCarrierTag] = std::string(to_string(Carrier::string_pair));
  attributes[kShapeTag] = shape_to_text(tensor.shape);
  parts.first.attributes = std::move(attributes);
  return parts;
}

bool is_tagged(const Tensor& tensor) {
  const auto tag = tensor.attributes.find(kCarrierTag);
  if (tag == tensor.attributes.end()) return false;
  const std::string* text = std::get_if<std::string>(&tag->second);
  return text != nullptr && *text == to_string(Carrier::string_pair);
}

std::optional<Shape> tagged_shape(const Tensor& tensor) {
  const auto tag = tensor.attributes.find(kShapeTag);
  const std::string* text =
      tag == tensor.attributes.end() ? nullptr : std::get_if<std::string>(&tag->second);
  return text == nullptr ? std::nullopt : shape_from_text(*text);
}

// The name of the tensor of strings that `part` would belong to.
std::string whole_name(const Tensor& part, std::string_view suffix) {
  return part.name.substr(0, part.name.size() - suffix.size());
}

struct Pair {
  std::size_t bytes, offsets;  // indices of tensors
  std::string name;            // of the tensor that they are
  Shape shape;
};

// The pair whose `#bytes` is tensor `at`, or why there is none.
std::string find_pair(const Manifest& manifest, const NameIndex& index, std::size_t at,
                      const Limits& limits, std::vector<Pair>& pairs) {
  const Tensor& bytes = manifest.tensors[at];
  std::string name = whole_name(bytes, kBytes);
  const auto partner = index.find(name + std::string(kOffsets));
  if (!partner) return "there is no " + name + std::string(kOffsets);
  const Tensor& offsets = manifest.tensors[*partner];
  if (bytes.problem || offsets.problem) return "one of the pair cannot be read";
  if (!is_tagged(offsets)) return offsets.name + " is not tagged";
  if (bytes.dtype != DType::uint8 || bytes.shape.size() != 1 || offsets.dtype != DType::int64 ||
      offsets.shape.size() != 1) {
    return "the pair must be uint8 and int64 of rank 1";
  }
  std::optional<Shape> shape = tagged_shape(bytes);
  if (!shape || shape->size() > limits.rank)
    return std::string("its attribute ") + kShapeTag + " is no shape";
  try {
    if (checked_add(element_count(*shape), 1) != offsets.shape[0]) {
      return "shape " + to_string(*shape) + " does not go with " +
             std::to_string(offsets.shape[0]) + " offsets";
    }
  } catch (const Error& error) {
    return error.message();
  }
  pairs.push_back({at, *partner, std::move(name), std::move(*shape)});
  return {};
}

// Drops pairs whose name a tensor has that stays; what is dropped stays too and may take another's
// name.
void drop_taken(Manifest& manifest, std::vector<Pair>& pairs) {
  while (true) {
    std::unordered_set<std::size_t> joined;
    for (const Pair& pair : pairs) joined.insert({pair.bytes, pair.offsets});
    std::unordered_set<std::string_view> kept;
    for (std::size_t i = 0; i < manifest.tensors.size(); ++i) {
      if (!joined.contains(i)) kept.insert(manifest.tensors[i].name);
    }
    const auto taken = [&](const Pair& pair) { return kept.contains(pair.name); };
    const auto first =
        std::stable_partition(pairs.begin(), pairs.end(), [&](const Pair& p) { return !taken(p); });
    if (first == pairs.end()) return;
    for (auto pair = first; pair != pairs.end(); ++pair) {
      manifest.notes.push_back(
          {"strings.not_joined", printable(manifest.tensors[pair->bytes].name) +
                                     " stays apart: there is a tensor of its own name"});
    }
    pairs.erase(first, pairs.end());
  }
}

std::vector<std::string> load_pair(const Tensor& bytes, const Tensor& offsets) {
  const std::vector<std::byte> text = load_bytes(bytes), ends = load_bytes(offsets);
  const std::size_t count = ends.size() / 8 - 1;
  std::vector<std::string> elements;
  elements.reserve(count);
  std::uint64_t from = offset_at(ends, 0);
  bool good = from == 0;
  for (std::size_t i = 1; good && i <= count; ++i) {
    const std::uint64_t to = offset_at(ends, i);
    good = from <= to && to <= text.size();
    if (good) elements.emplace_back(reinterpret_cast<const char*>(text.data()) + from, to - from);
    from = to;
  }
  if (good && from == text.size()) return elements;
  throw Error(ErrorCode::corrupt, "string_offsets",
              "offsets must rise from 0 to the " + std::to_string(text.size()) + " bytes of text")
      .in_tensor(offsets.name);
}

Tensor join(const Pair& pair, Tensor bytes, Tensor offsets) {
  Tensor tensor;
  tensor.name = pair.name;
  tensor.dtype = DType::string;
  tensor.shape = pair.shape;
  tensor.bookkeeping = bytes.bookkeeping;
  tensor.attributes = bytes.attributes;
  tensor.attributes.erase(kCarrierTag);
  tensor.attributes.erase(kShapeTag);
  StringSource strings;
  strings.bytes = checked_add(bytes.bytes(), offsets.bytes());
  strings.load = [parts = std::make_shared<const std::pair<Tensor, Tensor>>(std::move(bytes),
                                                                            std::move(offsets))] {
    return load_pair(parts->first, parts->second);
  };
  Piece piece;
  piece.origin = std::move(strings);
  tensor.stored.pieces.push_back(std::move(piece));
  return tensor;
}

}  // namespace

Manifest split_strings(Manifest manifest, const Limits& limits) {
  refuse_taken_names(manifest);
  std::vector<Tensor> tensors;
  tensors.reserve(manifest.tensors.size());
  for (Tensor& tensor : manifest.tensors) {
    if (!is_split(tensor)) {
      tensors.push_back(std::move(tensor));
      continue;
    }
    auto [bytes, offsets] = split(tensor, limits);
    tensors.push_back(std::move(bytes));
    tensors.push_back(std::move(offsets));
  }
  manifest.tensors = std::move(tensors);
  return manifest;
}

Manifest join_strings(Manifest manifest, const Limits& limits) {
  if (std::none_of(manifest.tensors.begin(), manifest.tensors.end(), is_tagged)) return manifest;
  check(manifest, limits);
  const NameIndex index(manifest.tensors);
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < manifest.tensors.size(); ++i) {
    const Tensor& tensor = manifest.tensors[i];
    if (!is_tagged(tensor)) continue;
    std::string why;
    if (tensor.name.ends_with(kBytes)) {
      why = find_pair(manifest, index, i, limits, pairs);
    } else if (!tensor.name.ends_with(kOffsets)) {
      why = "a half of a tensor of strings is called NAME#bytes or NAME#offsets";
    } else if (!index.contains(whole_name(tensor, kOffsets) + std::string(kBytes))) {
      why = "there is no " + whole_name(tensor, kOffsets) + std::string(kBytes);
    }
    if (!why.empty()) {
      manifest.notes.push_back(
          {"strings.not_joined", printable(tensor.name) + " stays apart: " + printable(why, 0)});
    }
  }
  drop_taken(manifest, pairs);

  std::unordered_map<std::size_t, const Pair*> pair_of;
  for (const Pair& pair : pairs) pair_of[pair.bytes] = pair_of[pair.offsets] = &pair;
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < manifest.tensors.size(); ++i) {
    const auto found = pair_of.find(i);
    if (found == pair_of.end()) {
      tensors.push_back(std::move(manifest.tensors[i]));
    } else if (const Pair& pair = *found->second; pair.bytes == i) {
      // Copies: the partner may come earlier or later, and its place is skipped.
      tensors.push_back(join(pair, manifest.tensors[pair.bytes], manifest.tensors[pair.offsets]));
    }
  }
  manifest.tensors = std::move(tensors);
  return manifest;
}

}  // namespace tensorferry
