// The bytes of a weights-only ONNX model. Facts: onnx.proto (proto2) of the ONNX project; messages
// hold their fields in ascending order of their numbers, as protobuf writes them.
//
//   ModelProto                              an initializer
//   +-----------------------------------+   +-------------------------------------+
//   | 08 ir_version    12 producer_name |   | 2a LL      GraphProto.initializer   |
//   | 3a LL            GraphProto       |   |   08 dim   one for each extent      |
//   |   +-----------------------------+ |   |   10 data_type                      |
//   |   | 12 name                     | |   |   32 LL .. string_data (only it)    |
//   |   | 2a initializer ...          | |   |   42 LL    name                     |
//   |   | 62 output ...               | |   |   4a LL .. raw_data, filled by slot |
//   |   +-----------------------------+ |   | or, with the elements elsewhere,    |
//   | 42 opset_import                   |   |   6a LL .. external_data, 3 entries |
//   | 72 metadata_props ...             |   |   70 01    data_location EXTERNAL   |
//   +-----------------------------------+   +-------------------------------------+
//                                             LL = length, a varint
//
// What stands once in a file is serialized by the classes of the ONNX schema; what each tensor has
// is put together here. Elements are little-endian and row-major; bool takes a byte; types below a
// byte are packed over the whole tensor, first element in the lowest bits. A tensor without
// elements has no raw_data. A scalar has no dim.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensor_fields.h"

namespace tensorferry::onnx {

/// A protobuf message that is longer is refused by every implementation.
constexpr std::uint64_t kMessageLimit = (std::uint64_t{1} << 31) - 1;

/// What every tensor says of itself.
struct TensorHead {
  std::string_view name;   ///< UTF-8, not empty
  std::int32_t data_type;  ///< ElementType::code
  std::span<const std::uint64_t> dims;
};

/// ModelProto up to the contents of its graph, which take `graph_bytes`.
std::string model_head(int ir_version, std::uint64_t graph_bytes);
/// ModelProto behind its graph.
std::string model_tail(int opset, const std::vector<std::pair<std::string, std::string>>& metadata);

/// The fields below belong into the contents of the graph, in this order.
std::string graph_name(std::string_view name);
/// An initializer up to its elements, of which `raw_bytes` follow.
void append_inline_initializer(std::string& out, const TensorHead& head, std::uint64_t raw_bytes);
void append_external_initializer(std::string& out, const TensorHead& head,
                                 const ExternalData& data);
void append_string_initializer(std::string& out, const TensorHead& head,
                               const std::vector<std::string>& elements);
void append_graph_output(std::string& out, const TensorHead& head);

}  // namespace tensorferry::onnx
