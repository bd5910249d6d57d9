#include "onnx_wire.h"

#include "tensorferry_onnx.pb.h"
#include "util/wire.h"

namespace tensorferry::onnx {
namespace {

using namespace onnx_schema;

// What the bulk goes into.
constexpr std::uint32_t kGraph = ModelProto::kGraphFieldNumber;
constexpr std::uint32_t kInitializer = GraphProto::kInitializerFieldNumber;

std::string to_std(std::string_view text) { return std::string(text); }

TensorProto type_and_shape(const TensorHead& head) {
  TensorProto tensor;
  for (const std::uint64_t extent : head.dims) tensor.add_dims(static_cast<std::int64_t>(extent));
  tensor.set_data_type(head.data_type);
  return tensor;
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
  graph.set_name(to_std(name));
  return graph.SerializeAsString();
}

std::string inline_initializer(const TensorHead& head, std::uint64_t raw_bytes) {
  TensorProto tensor = type_and_shape(head);
  tensor.set_name(to_std(head.name));
  const std::string fields = tensor.SerializeAsString() + raw_data_header(raw_bytes);
  std::string bytes;
  wire::append_bytes_header(bytes, kInitializer, fields.size() + raw_bytes);
  return bytes += fields;
}

std::string external_initializer(const TensorHead& head, const ExternalData& data) {
  TensorProto tensor = type_and_shape(head);
  tensor.set_name(to_std(head.name));
  const std::string fields = tensor.SerializeAsString() + external_data_fields(data);
  std::string bytes;
  wire::append_bytes_header(bytes, kInitializer, fields.size());
  return bytes += fields;
}

std::string string_initializer(const TensorHead& head, const std::vector<std::string>& elements) {
  const std::string before = type_and_shape(head).SerializeAsString();
  TensorProto named;
  named.set_name(to_std(head.name));
  const std::string after = named.SerializeAsString();
  const std::uint64_t payload = string_data_size(elements);
  std::string bytes;
  wire::append_bytes_header(bytes, kInitializer, before.size() + payload + after.size());
  bytes.reserve(bytes.size() + before.size() + static_cast<std::size_t>(payload) + after.size());
  bytes += before;
  append_string_data(bytes, elements);
  return bytes += after;
}

std::string graph_output(const TensorHead& head) {
  GraphProto graph;
  ValueInfoProto* output = graph.add_output();
  output->set_name(to_std(head.name));
  TypeProto_Tensor* type = output->mutable_type()->mutable_tensor_type();
  type->set_elem_type(head.data_type);
  TensorShapeProto* shape = type->mutable_shape();
  for (const std::uint64_t extent : head.dims) {
    shape->add_dim()->set_dim_value(static_cast<std::int64_t>(extent));
  }
  return graph.SerializeAsString();
}

}  // namespace tensorferry::onnx
