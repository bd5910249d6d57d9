#include <string>
#include <utility>
#include <vector>

#include "model.h"
#include "onnx.h"
#include "util/metadata_entries.h"
#include "util/wire_check.h"
#include "wire_schema.h"

namespace tensorferry {
namespace onnx {
namespace {

constexpr std::string_view kPlaceholder = "tensorferry.placeholder";

class ModelReader {
 public:
  ModelReader(const Input& input, const Limits& limits)
      : file_(input.file()), limits_(limits), graphs_(input, limits) {}

  Model read() {
    const FileRange whole{file_, 0, file_->size()};
    for_each_field_of(whole, [&](FileCursor& cursor, const wire::Field& field) {
      if (field.is(1, wire::Type::varint)) ir_version_ = field.value;
      if (is_bytes(field)) read_part(cursor, field);
    });
    check_complete();
    graphs_.main_graph(graph_.range());
    for (const FileRange& training : trainings_)
      graphs_.training_info(training, static_cast<std::uint64_t>(&training - trainings_.data()));
    for (const FileRange& function : functions_) graphs_.function(function);
    Model model;
    model.manifest.tensors = graphs_.take();
    model.places = graphs_.take_places();
    if (auto note = graphs_.note()) model.manifest.notes.push_back(*std::move(note));
    drop_placeholder(model);
    const std::size_t stored = model.manifest.tensors.size();
    model.manifest = apply_metadata(std::move(model.manifest), entries_, limits_);
    if (model.manifest.tensors.size() != stored) model.places.clear();
    return model;
  }

 private:
  void read_part(FileCursor& cursor, const wire::Field& field) {
    const FileRange part{file_, cursor.position(), field.value};
    switch (field.number) {
      case 7:
        return graph_.add(part);
      case 8:
        ++opsets_;
        break;
      case 14:
        return add_entry(cursor, field);
      case 20:
        return trainings_.push_back(part);
      case 25:
        return functions_.push_back(part);
      default:
        break;
    }
  }

  void add_entry(FileCursor& cursor, const wire::Field& field) {
    std::string key, value;
    entry_bytes_ = checked_add(entry_bytes_, field.value);
    if (entry_bytes_ > limits_.header_bytes) {
      throw Error(ErrorCode::unsafe, "limit",
                  "more than " + std::to_string(limits_.header_bytes) + " bytes of metadata_props");
    }
    for_each_field(cursor, cursor.position() + field.value, [&](const wire::Field& part) {
      if (part.is(1, wire::Type::bytes)) key = take_text(cursor, part, limits_.header_bytes);
      if (part.is(2, wire::Type::bytes)) value = take_text(cursor, part, limits_.header_bytes);
    });
    entries_.emplace_back(std::move(key), std::move(value));
  }

  /// What a file that is cut between two fields lacks.
  void check_complete() const {
    if (!graph_.present()) throw Error(ErrorCode::corrupt, "model", "the model has no graph");
    if (ir_version_ == 0) throw Error(ErrorCode::corrupt, "model", "the model has no ir_version");
    if (ir_version_ >= 3 && opsets_ == 0) {
      throw Error(ErrorCode::corrupt, "model",
                  "no opset_import, which IR version " + std::to_string(ir_version_) + " demands");
    }
  }

  void drop_placeholder(Model& model) const {
    std::vector<Tensor>& tensors = model.manifest.tensors;
    for (const auto& [key, value] : entries_) {
      if (key != kPlaceholder) continue;
      for (std::size_t i = 0; i < tensors.size(); ++i) {
        if (tensors[i].name != value || tensors[i].problem || tensors[i].shape != Shape{0})
          continue;
        tensors.erase(tensors.begin() + static_cast<std::ptrdiff_t>(i));
        model.places.erase(model.places.begin() + static_cast<std::ptrdiff_t>(i));
        break;
      }
    }
  }

  std::shared_ptr<const File> file_;
  const Limits& limits_;
  GraphReader graphs_;
  MetadataEntries entries_;
  wire::MergedMessage graph_;
  std::vector<FileRange> trainings_, functions_;
  std::uint64_t ir_version_ = 0, opsets_ = 0, entry_bytes_ = 0;
};

class OnnxReader final : public Reader {
 public:
  Manifest read(const Input& input, const Options&, const Limits& limits) const override {
    return read_model(input, limits).manifest;
  }

  void check_skipped(const Input& input, const Options&, const Limits&,
                     const Manifest&) const override {
    wire::MessageSchema(kWireSchema).check(*input.file(), "ModelProto");
  }
};

}  // namespace

Model read_model(const Input& input, const Limits& limits) {
  try {
    return ModelReader(input, limits).read();
  } catch (const Error& error) {
    throw error.in_file(input.file()->name());
  }
}

}  // namespace onnx

std::shared_ptr<const Reader> make_onnx_reader() { return std::make_shared<onnx::OnnxReader>(); }

}  // namespace tensorferry
