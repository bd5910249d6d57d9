// The fields of a TensorProto that say what or where its elements are.
//
//   32 LL element          string_data, one field an element
//   4a LL ..               raw_data; the elements follow
//   6a LL                  external_data, three times: location, offset, length
//     0a LL key  12 LL value
//   70 01                  data_location EXTERNAL              LL = length, a varint
//
// Facts: onnx.proto.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tensorferry::onnx {

/// Where elements lie in another file; plain decimal digits in the file, as onnxruntime demands.
struct ExternalData {
  std::string_view location;  ///< beside the model
  std::uint64_t offset = 0, length = 0;
};

/// What stands in front of `bytes` of elements; nothing when there are none.
std::string raw_data_header(std::uint64_t bytes);
std::string external_data_fields(const ExternalData& data);
std::uint64_t string_data_size(const std::vector<std::string>& elements);
void append_string_data(std::string& bytes, const std::vector<std::string>& elements);

}  // namespace tensorferry::onnx
