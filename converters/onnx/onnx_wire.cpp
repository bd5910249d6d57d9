#include "onnx_wire.h"

#include "tensorferry_onnx.pb.h"
#include "util/wire.h"

namespace tensorferry::onnx {
namespace {

using namespace onnx_schema;

// What the bulk goes into.
constexpr std::uint32_t kGraph = ModelProto::kGraphFieldNumber;
constexpr std::uint32_t kInitializer = GraphProto::kInitializerFieldNumber;

std::uint64_t code_of(const TensorHead& head) { return static_cast<std::uint64_t>(head.data_type); }

/// Dims and data_type of a TensorProto.
std::size_t type_and_shape_size(const TensorHead& head) {
  std::size_t size = wire::varint_field_size(TensorProto::kDataTypeFieldNumber, code_of(head));
  for (const std::uint64_t extent : head.dims)
    size += wire::varint_field_size(TensorProto::kDimsFieldNumber, extent);
  return size;
}

void append_type_and_shape(std::string& out, const TensorHead& head) {
  for (const std::uint64_t extent : head.dims)
    wire::append_varint_field(out, TensorProto::kDimsFieldNumber, extent);
  wire::append_varint_field(out, TensorProto::kDataTypeFieldNumber, code_of(head));
}

/// An initializer up to where its elements or the place of them stand, `rest` bytes, of which
/// `here` will be appended.
void append_initializer(std::string& out, const TensorHead& head, std::uint64_t rest,
                        std::size_t here) {
  constexpr std::size_t kMostHeader = 16;
  const std::size_t fields =
      type_and_shape_size(head) + wire::bytes_field_size(TensorProto::kNameFieldNumber, head.name);
  if (out.empty()) out.reserve(fields + kMostHeader + here);
  wire::append_bytes_header(out, kInitializer, fields + rest);
  append_type_and_shape(out, head);
  wire::append_bytes_field(out, TensorProto::kNameFieldNumber, head.name);
}

}  // namespace

std::string model_head(int ir_version, std::uint64_t graph_bytes) {
  ModelProto model;
  model.set_ir_version(ir_version);
  model.set_producer_name("tensorferry");
  std::string bytes = model.SerializeAsString();
  wire::append_bytes_header(bytes, kGraph, graph_bytes);
  return bytes;
}

std::string model_tail(int opset,
                       const std::vector<std::pair<std::string, std::string>>& metadata) {
  ModelProto properties, operators;
  for (const auto& [key, value] : metadata) {
    StringStringEntryProto* entry = properties.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
  OperatorSetIdProto* set = operators.add_opset_import();
  set->set_domain("");
  set->set_version(opset);
  // Last, because no model is complete without it: whatever is cut off the end is missed.
  return properties.SerializeAsString() + operators.SerializeAsString();
}

std::string graph_name(std::string_view name) {
  GraphProto graph;
  graph.set_name(std::string(name));
  return graph.SerializeAsString();
}

void append_inline_initializer(std::string& out, const TensorHead& head, std::uint64_t raw_bytes) {
  const std::string front = raw_data_header(raw_bytes);
  append_initializer(out, head, front.size() + raw_bytes, front.size());
  out += front;
}

void append_external_initializer(std::string& out, const TensorHead& head,
                                 const ExternalData& data) {
  const std::string fields = external_data_fields(data);
  append_initializer(out, head, fields.size(), fields.size());
  out += fields;
}

void append_string_initializer(std::string& out, const TensorHead& head,
                               const std::vector<std::string>& elements) {
  const std::uint64_t size = type_and_shape_size(head) + string_data_size(elements) +
                             wire::bytes_field_size(TensorProto::kNameFieldNumber, head.name);
  wire::append_bytes_header(out, kInitializer, size);
  out.reserve(out.size() + static_cast<std::size_t>(size));
  append_type_and_shape(out, head);
  append_string_data(out, elements);
  wire::append_bytes_field(out, TensorProto::kNameFieldNumber, head.name);
}

void append_graph_output(std::string& out, const TensorHead& head) {
  constexpr std::uint32_t kDim = TensorShapeProto::kDimFieldNumber;
  constexpr std::uint32_t kValue = TensorShapeProto_Dimension::kDimValueFieldNumber;
  std::size_t shape = 0;
  for (const std::uint64_t extent : head.dims) {
    const std::size_t dim = wire::varint_field_size(kValue, extent);
    shape += wire::bytes_header_size(kDim, dim) + dim;
  }
  const std::size_t tensor =
      wire::varint_field_size(TypeProto_Tensor::kElemTypeFieldNumber, code_of(head)) +
      wire::bytes_header_size(TypeProto_Tensor::kShapeFieldNumber, shape) + shape;
  const std::size_t type =
      wire::bytes_header_size(TypeProto::kTensorTypeFieldNumber, tensor) + tensor;
  wire::append_bytes_header(out, GraphProto::kOutputFieldNumber,
                            wire::bytes_field_size(ValueInfoProto::kNameFieldNumber, head.name) +
                                wire::bytes_header_size(ValueInfoProto::kTypeFieldNumber, type) +
                                type);
  wire::append_bytes_field(out, ValueInfoProto::kNameFieldNumber, head.name);
  wire::append_bytes_header(out, ValueInfoProto::kTypeFieldNumber, type);
  wire::append_bytes_header(out, TypeProto::kTensorTypeFieldNumber, tensor);
  wire::append_varint_field(out, TypeProto_Tensor::kElemTypeFieldNumber, code_of(head));
  wire::append_bytes_header(out, TypeProto_Tensor::kShapeFieldNumber, shape);
  for (const std::uint64_t extent : head.dims) {
    wire::append_bytes_header(out, kDim, wire::varint_field_size(kValue, extent));
    wire::append_varint_field(out, kValue, extent);
  }
}

}  // namespace tensorferry::onnx
