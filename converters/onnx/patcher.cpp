// Replaces elements in a model and copies the rest of its bytes.
//
//   old   | .. | graph LL | .. | initializer LL | dims type name | raw_data LL | ELEMENTS | .. |
//   new   | .. | graph LL'| .. | initializer LL'| dims type name | raw_data LL'| elements | .. |
//         copied           copied               copied                          a slot     copied
//
// Only the lengths of the messages around replaced elements change. Where the elements stood in a
// typed field or in another file, the fields that said so make room for the new ones.
#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "external_data.h"
#include "message.h"
#include "model.h"
#include "onnx.h"
#include "onnx_wire.h"
#include "patch_text.h"
#include "tensorferry/stream.h"
#include "types.h"
#include "util/text.h"

namespace tensorferry {
namespace onnx {
namespace {

constexpr std::uint32_t kRawData = 9, kDataLocation = 14;

bool is_data_field(std::uint32_t number) {
  return (number >= 4 && number <= 7) || (number >= kRawData && number <= 11) || number == 13;
}

/// A TensorProto that is written anew.
struct Target {
  Place place;
  std::size_t tensor = 0;   // of the patch
  std::uint64_t bytes = 0;  // of elements; 0 for strings
  Codec codec = Codec::plain;
  bool outside = false;      // in the file of external data
  std::uint64_t offset = 0;  // there

  std::uint64_t end() const { return place.offset + place.length; }
};

class ModelPatch {
 public:
  ModelPatch(const Input& input, const Manifest& replacements, const Output& output,
             const Options& options, const Limits& limits)
      : file_(input.file()),
        limits_(limits),
        leaf_(output.leaf),
        external_(options.text("external")),
        threshold_(options.bytes("external_threshold")) {
    patch_.manifest = replacements;
    replaced_ = replacements.tensors.size();
    find_targets(read_model(input, limits));
  }

  Patch make();

 private:
  void find_targets(Model model);
  void add_target(const Place& place, std::size_t tensor);
  void place_elements(bool as_many_as_possible);
  bool belongs_outside(const Target& target, bool as_many_as_possible) const;
  PatchText text();
  void write_fields(PatchText& text, std::uint64_t begin, std::uint64_t end,
                    std::span<const Target> targets) const;
  void write_tensor(PatchText& text, const Target& target) const;
  void write_elements(PatchText& text, const Target& target) const;
  std::string header_of(std::uint64_t begin, std::uint64_t end, std::uint64_t length) const;

  std::shared_ptr<const File> file_;
  const Limits& limits_;
  std::string leaf_, external_;
  std::uint64_t threshold_;
  Patch patch_;
  std::size_t replaced_;         // tensors of the patch in front of those that stay
  std::vector<Target> targets_;  // in the order of the file
  std::optional<ExternalRoom> room_;
};

/// The new tensors, and those that stay but whose file of external data is not the new one.
void ModelPatch::find_targets(Model model) {
  if (model.places.empty() && !model.manifest.tensors.empty()) {
    throw Error(ErrorCode::unsupported, "not_replaceable",
                "strings that the model carries as pairs of tensors");
  }
  std::unordered_map<std::string_view, std::size_t> replaced;
  for (std::size_t i = 0; i < patch_.manifest.tensors.size(); ++i)
    replaced.emplace(patch_.manifest.tensors[i].name, i);
  std::vector<std::string> fixed, lost;
  std::vector<Tensor> staying;
  for (std::size_t i = 0; i < model.places.size(); ++i) {
    Tensor& tensor = model.manifest.tensors[i];
    const Place& place = model.places[i];
    const auto found = replaced.find(tensor.name);
    const bool stays = found == replaced.end();
    if (stays && !place.external) continue;
    if (!stays && place.length == 0) fixed.push_back(tensor.name);
    if (stays && place.length == 0)
      fixed.push_back(tensor.name + " (which stays, with elements in another file)");
    if (stays && tensor.problem) lost.push_back(tensor.name + ": " + tensor.problem->message());
    if (place.length == 0 || (stays && tensor.problem)) continue;
    add_target(place, stays ? replaced_ + staying.size() : found->second);
    if (stays) staying.push_back(std::move(tensor));
  }
  if (!fixed.empty()) {
    throw Error(
        ErrorCode::unsupported, "not_replaceable",
        "sparse tensors, constants that are no tensor but numbers of their node, and tensors in "
        "messages that are split: " +
            join_names(fixed));
  }
  if (!lost.empty()) {
    throw Error(ErrorCode::input, "external_data",
                "tensors that stay as they are, with elements in another file that cannot be "
                "copied: " +
                    join_names(lost));
  }
  std::vector<Tensor>& tensors = patch_.manifest.tensors;
  std::ranges::move(staying, std::back_inserter(tensors));
  for (Target& target : targets_) {
    const Tensor& tensor = tensors[target.tensor];
    const ElementType* type = element_type(tensor.dtype);
    if (type == nullptr)
      throw Error(ErrorCode::internal, "patch", "a dtype without a type").in_tensor(tensor.name);
    target.codec = type->encoding.codec;
    if (tensor.dtype != DType::string)
      target.bytes = encoded_bytes(tensor.dtype, target.codec, tensor.elements());
  }
  std::ranges::sort(targets_, {}, [](const Target& target) { return target.place.offset; });
}

void ModelPatch::add_target(const Place& place, std::size_t tensor) {
  Target target;
  target.place = place;
  target.tensor = tensor;
  targets_.push_back(target);
}

bool ModelPatch::belongs_outside(const Target& target, bool as_many_as_possible) const {
  if (target.bytes == 0 || external_ == "never") return false;
  const bool large = target.bytes >= threshold_;
  if (external_ == "always") return large;
  return target.place.external || (as_many_as_possible && large);
}

/// Tensors that stay and shared their bytes in the old file of external data share them in the new
/// one.
void ModelPatch::place_elements(bool as_many_as_possible) {
  room_.emplace(leaf_);
  std::map<std::tuple<const File*, std::uint64_t, DType, std::uint64_t>, std::uint64_t> shared;
  for (Target& target : targets_) {
    target.outside = belongs_outside(target, as_many_as_possible);
    if (!target.outside) continue;
    if (target.tensor < replaced_) {
      target.offset = room_->add(target.bytes);
      continue;
    }
    const Tensor& tensor = patch_.manifest.tensors[target.tensor];
    const auto& range = std::get<FileRange>(tensor.stored.pieces.at(0).origin);
    const auto key = std::tuple(range.file.get(), range.offset, tensor.dtype, target.bytes);
    const auto known = shared.find(key);
    target.offset = known == shared.end() ? room_->add(target.bytes) : known->second;
    shared.emplace(key, target.offset);
  }
}

PatchText ModelPatch::text() {
  PatchText text(file_);
  write_fields(text, 0, file_->size(), targets_);
  return text;
}

/// The header of a field whose contents are now `length` bytes; as it was, if they have not
/// changed.
std::string ModelPatch::header_of(std::uint64_t begin, std::uint64_t end,
                                  std::uint64_t length) const {
  std::string header = file_->read_string(begin, end - begin);
  std::size_t position = 0;
  const auto field = wire::next_field(header, position);
  if (field && field->value == length) return header;
  const auto last = std::ranges::find_if(
      header, [](char byte) { return (static_cast<unsigned char>(byte) & 0x80u) == 0; });
  header.erase(last + 1, header.end());
  wire::append_varint(header, length);
  return header;
}

/// The fields in [begin, end) of the file. Targets lie inside them; a field with a target in it is
/// a message.
void ModelPatch::write_fields(PatchText& text, std::uint64_t begin, std::uint64_t end,
                              std::span<const Target> targets) const {
  FileCursor cursor(*file_, begin, end);
  std::uint64_t kept = begin;  // what is in front of it is in the text
  while (!targets.empty()) {
    const std::uint64_t start = cursor.position();
    const auto field = wire::next_field(cursor, end);
    if (!field) throw wire::broken_field(cursor, end);
    const std::uint64_t contents = cursor.position();
    const std::uint64_t length = field->length();
    const auto behind = std::ranges::find_if(
        targets, [&](const Target& target) { return target.place.offset >= contents + length; });
    const auto inside = targets.first(static_cast<std::size_t>(behind - targets.begin()));
    cursor.skip(length);
    if (inside.empty()) continue;
    text.copy(kept, start - kept);
    kept = contents + length;
    const std::size_t header = text.reserve();
    const std::uint64_t before = text.size();
    if (inside[0].place.offset == contents && inside[0].place.length == length) {
      write_tensor(text, inside[0]);
    } else {
      write_fields(text, contents, contents + length, inside);
    }
    text.fill(header, header_of(start, contents, text.size() - before));
    targets = targets.subspan(inside.size());
  }
  text.copy(kept, end - kept);
}

void ModelPatch::write_tensor(PatchText& text, const Target& target) const {
  FileCursor cursor(*file_, target.place.offset, target.end());
  std::uint64_t kept = target.place.offset, start = kept;
  bool written = false;
  for_each_field(cursor, target.end(), [&](const wire::Field& field) {
    const std::uint64_t contents = cursor.position();
    const std::uint64_t end = contents + field.length();
    const std::uint64_t begin = std::exchange(start, end);
    // A data_location DEFAULT may stay beside elements that are in the model.
    const bool location = field.number == kDataLocation && (target.outside || field.value != 0);
    if (!is_data_field(field.number) && !location) return;
    const bool same_size = field.is(kRawData, wire::Type::bytes) && field.value == target.bytes;
    if (!written && same_size && !target.outside) {
      text.copy(kept, contents - kept);
      text.elements(target.tensor, target.bytes, target.codec);
    } else {
      text.copy(kept, begin - kept);
      if (!written) write_elements(text, target);
    }
    written = true;
    kept = end;
  });
  text.copy(kept, target.end() - kept);
  if (!written) write_elements(text, target);
}

void ModelPatch::write_elements(PatchText& text, const Target& target) const {
  const Tensor& tensor = patch_.manifest.tensors[target.tensor];
  if (tensor.dtype == DType::string) {
    std::string fields;
    append_string_data(fields, load_strings(tensor, limits_));
    text.strings(target.tensor, std::move(fields));
  } else if (target.outside) {
    text.literal(external_data_fields({room_->location(), target.offset, target.bytes}));
  } else {
    text.literal(raw_data_header(target.bytes));
    text.elements(target.tensor, target.bytes, target.codec);
  }
}

Patch ModelPatch::make() {
  place_elements(false);
  PatchText model = text();
  if (external_ == "auto" && model.size() > kInlineLimit) {
    place_elements(true);
    model = text();
  }
  if (model.size() > kMessageLimit) refuse_size(model.size(), external_, *room_);

  Layout& layout = patch_.layout;
  layout.files.push_back({"", model.size()});
  if (room_->bytes() > 0) layout.files.push_back({room_->location(), room_->bytes()});
  model.move_to(layout, patch_.manifest);
  for (const Target& target : targets_) {
    if (!target.outside) continue;
    Slot slot;
    slot.tensor = target.tensor;
    slot.file = 1;
    slot.offset = target.offset;
    slot.length = target.bytes;
    slot.codec = target.codec;
    layout.slots.push_back(slot);
  }
  return std::move(patch_);
}

class OnnxPatcher final : public Patcher {
 public:
  Patch patch(const Input& model, const Manifest& replacements, const Output& output,
              const Options& options, const Limits& limits) const override {
    if (output.directory) {
      throw Error(ErrorCode::usage, "directory_output",
                  "an ONNX model is a file: name it MODEL.onnx");
    }
    return ModelPatch(model, replacements, output, options, limits).make();
  }
};

}  // namespace
}  // namespace onnx

std::shared_ptr<const Patcher> make_onnx_patcher() { return std::make_shared<onnx::OnnxPatcher>(); }

}  // namespace tensorferry
