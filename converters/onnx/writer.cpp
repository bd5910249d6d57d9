#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/carriers.h"
#include "external_data.h"
#include "graph_text.h"
#include "onnx.h"
#include "onnx_wire.h"
#include "tensorferry/stream.h"
#include "types.h"
#include "util/metadata_entries.h"
#include "util/stored_names.h"
#include "util/text.h"

namespace tensorferry {
namespace onnx {
namespace {

// Everything in front of and behind the elements of one tensor, its output included, takes less
// than this and twice its name and shape.
constexpr std::uint64_t kEntryBytes = 128, kExtentBytes = 24;

constexpr std::string_view kPlaceholder = "tensorferry.placeholder";

std::optional<Encoding> encoding_of(DType dtype) {
  const ElementType* type = element_type(dtype);
  if (type == nullptr) return std::nullopt;
  return type->encoding;
}

// How one tensor is written.
struct Placement {
  const ElementType* type = nullptr;
  std::uint64_t bytes = 0;  // of elements; 0 for strings
  bool external = false;
  std::uint64_t offset = 0;  // in the external file
};

class ModelLayout {
 public:
  ModelLayout(const Manifest& manifest, const Output& output, const Options& options,
              const Limits& limits)
      : manifest_(manifest),
        limits_(limits),
        names_(manifest, "ONNX", [](std::string_view name) { return !name.empty(); }),
        room_(output.leaf),
        external_(options.text("external")) {
    place(options.bytes("external_threshold"));
  }

  Layout lay_out();

 private:
  void place(std::uint64_t threshold);
  void place_outside(std::uint64_t threshold);
  std::uint64_t metadata_bytes() const;
  /// Valid until the next call.
  TensorHead head(std::size_t tensor);
  void add_tensor(std::size_t tensor);
  void add_strings(std::size_t tensor);
  void add_outputs();
  void add_placeholder();
  void add_notes(Layout& layout) const;

  const Manifest& manifest_;
  const Limits& limits_;
  StoredNames names_;
  ExternalRoom room_;
  std::string external_;
  std::vector<Placement> placements_;
  MetadataEntries metadata_;
  Shape carried_shape_;              // of the last head() that is carried
  int ir_version_ = 8, opset_ = 17;  // of ONNX 1.12, which every tool in use reads
  GraphText graph_;
  std::vector<Slot> slots_;
  std::vector<std::string> not_outputs_;
};

void ModelLayout::place(std::uint64_t threshold) {
  std::vector<std::string> unsupported;
  std::uint64_t total = 0;
  placements_.reserve(manifest_.tensors.size());
  for (const Tensor& tensor : manifest_.tensors) {
    Placement placement{element_type(tensor.dtype)};
    if (placement.type == nullptr) {
      unsupported.push_back(tensor.name + " (" + std::string(to_string(tensor.dtype)) + ")");
    } else if (tensor.dtype == DType::string) {
      total = checked_add(total, tensor.bytes());
    } else {
      placement.bytes =
          encoded_bytes(tensor.dtype, placement.type->encoding.codec, tensor.elements());
      total = checked_add(total, placement.bytes);
    }
    placements_.push_back(placement);
  }
  if (!unsupported.empty()) {
    throw Error(ErrorCode::unsupported, "dtype", "ONNX cannot hold " + join_names(unsupported));
  }
  metadata_ = metadata_entries(manifest_,
                               {"an ONNX model", encoding_of,
                                [&](std::size_t i) -> std::string_view { return names_.of(i); }});
  if (external_ == "always" || (external_ == "auto" && total + metadata_bytes() > kInlineLimit)) {
    place_outside(threshold);
  }
}

// An upper bound of what is not elements.
std::uint64_t ModelLayout::metadata_bytes() const {
  std::uint64_t bytes = kEntryBytes;
  for (const Tensor& tensor : manifest_.tensors) {
    bytes += kEntryBytes + kExtentBytes * tensor.shape.size() + 2 * tensor.name.size();
  }
  for (const auto& [key, value] : metadata_) bytes += kEntryBytes + key.size() + value.size();
  return bytes;
}

void ModelLayout::place_outside(std::uint64_t threshold) {
  for (Placement& placement : placements_) {
    if (placement.bytes == 0 || placement.bytes < threshold) continue;
    placement.external = true;
    placement.offset = room_.add(placement.bytes);
  }
}

TensorHead ModelLayout::head(std::size_t tensor) {
  const ElementType& type = *placements_[tensor].type;
  const Shape& shape = manifest_.tensors[tensor].shape;
  if (type.encoding.carrier == Carrier::native) return {names_.of(tensor), type.code, shape};
  carried_shape_ = carried_shape(type.encoding.carrier, shape);
  return {names_.of(tensor), type.code, carried_shape_};
}

void ModelLayout::add_tensor(std::size_t tensor) {
  const Placement& placement = placements_[tensor];
  ir_version_ = std::max(ir_version_, placement.type->ir_version);
  opset_ = std::max(opset_, placement.type->opset);
  if (placement.type->dtype == DType::string) return add_strings(tensor);
  Slot slot;
  slot.tensor = tensor;
  slot.length = placement.bytes;
  slot.codec = placement.type->encoding.codec;
  if (placement.external) {
    graph_.append_by([&](std::string& text) {
      append_external_initializer(text, head(tensor),
                                  {room_.location(), placement.offset, placement.bytes});
    });
    slot.file = 1;
    slot.offset = placement.offset;
  } else {
    graph_.append_by(
        [&](std::string& text) { append_inline_initializer(text, head(tensor), placement.bytes); });
    slot.offset = graph_.leave_room(placement.bytes);
  }
  slots_.push_back(slot);
}

void ModelLayout::add_strings(std::size_t tensor) {
  const std::vector<std::string> elements = load_strings(manifest_.tensors[tensor], limits_);
  std::uint64_t bytes = 0;
  for (const std::string& element : elements) bytes += element.size();
  if (bytes > kMessageLimit - std::min(kMessageLimit, graph_.size()))
    refuse_size(graph_.size() + bytes, external_, room_);
  Slot slot;
  slot.tensor = tensor;
  slot.fill = Slot::Fill::literal;
  slot.offset = graph_.size();
  graph_.append_by(
      [&](std::string& text) { append_string_initializer(text, head(tensor), elements); });
  slot.length = graph_.size() - slot.offset;
  slots_.push_back(slot);
}

void ModelLayout::add_outputs() {
  const std::uint64_t before = graph_.size();
  graph_.append_by([&](std::string& outputs) {
    for (std::size_t i = 0; i < placements_.size(); ++i) {
      if (placements_[i].type->can_be_output) {
        append_graph_output(outputs, head(i));
      } else {
        not_outputs_.push_back(manifest_.tensors[i].name);
      }
    }
  });
  if (graph_.size() == before) add_placeholder();
}

// onnxruntime loads no model without an output. Readers leave out the tensor that the metadata
// names.
void ModelLayout::add_placeholder() {
  const std::string name = names_.unused(std::string(kPlaceholder));
  const Shape empty = {0};
  const TensorHead nothing{name, element_type(DType::uint8)->code, empty};
  graph_.append_by([&](std::string& text) {
    append_inline_initializer(text, nothing, 0);
    append_graph_output(text, nothing);
  });
  metadata_.emplace_back(kPlaceholder, name);
}

void ModelLayout::add_notes(Layout& layout) const {
  if (names_.escaped_count() > 0) {
    layout.notes.push_back(
        {"onnx.escaped_names", std::to_string(names_.escaped_count()) +
                                   " names are empty or not UTF-8: escaped, and recorded in "
                                   "tensorferry.tensors"});
  }
  if (!not_outputs_.empty()) {
    layout.notes.push_back(
        {"onnx.not_an_output", "initializers only, because onnxruntime has no such outputs: " +
                                   join_names(not_outputs_)});
  }
}

Layout ModelLayout::lay_out() {
  graph_.append(graph_name("weights"));
  slots_.reserve(placements_.size());
  for (std::size_t i = 0; i < placements_.size(); ++i) add_tensor(i);
  add_outputs();

  const std::string front = model_head(ir_version_, graph_.size());
  const std::string back = model_tail(opset_, metadata_);
  const std::uint64_t model_bytes = front.size() + graph_.size() + back.size();
  if (model_bytes > kMessageLimit) refuse_size(model_bytes, external_, room_);

  Layout layout;
  layout.files.push_back({"", model_bytes});
  if (room_.bytes() > 0) layout.files.push_back({room_.location(), room_.bytes()});
  layout.segments.push_back({0, 0, front});
  graph_.append(back);
  graph_.move_to(layout.segments, front.size());
  for (Slot& slot : slots_) {
    if (slot.file == 0) slot.offset += front.size();
  }
  layout.slots = std::move(slots_);
  add_notes(layout);
  return layout;
}

class OnnxWriter final : public Writer {
 public:
  std::optional<Encoding> encoding(DType dtype) const override { return encoding_of(dtype); }

  Layout lay_out(const Manifest& manifest, const Output& output, const Options& options,
                 const Limits& limits) const override {
    if (output.directory) {
      throw Error(ErrorCode::usage, "directory_output",
                  "an ONNX model is a file: name it MODEL.onnx");
    }
    return ModelLayout(manifest, output, options, limits).lay_out();
  }
};

}  // namespace
}  // namespace onnx

std::shared_ptr<const Writer> make_onnx_writer() { return std::make_shared<onnx::OnnxWriter>(); }

}  // namespace tensorferry
