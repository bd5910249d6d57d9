// Walks through messages without holding them. The fields that weights hide in, by message:
//
//   ModelProto     1: ir_version   7: graph   8: opset_import   14: metadata_props   20:
//   training_info
//                  25: functions
//   TrainingInfo   1: initialization   2: algorithm, graphs
//   FunctionProto  1: name   7: node   10: domain
//   GraphProto     1: node   5: initializer   15: sparse_initializer
//   NodeProto      2: output   3: name   4: op_type   5: attribute   7: domain
//   Attribute      1: name   2: f   3: i   4: s   5: t   6: g   7: floats   8: ints   9: strings
//                  10: tensors   11: graphs   22: sparse_tensor   23: sparse_tensors
//   SparseTensor   1: values   2: indices   3: dims
//
// Facts: onnx.proto of ONNX 1.23.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensorferry/manifest.h"
#include "util/file_cursor.h"

namespace tensorferry::onnx {

using wire::for_each_field;
using wire::for_each_field_of;

/// Whether it is a text, bytes or a message. A field of another type is skipped, as protobuf does.
inline bool is_bytes(const wire::Field& field) { return field.type == wire::Type::bytes; }
/// The text of such a field, at whose contents the cursor stands. Throws Error(unsafe.limit) for
/// more than `most` bytes.
std::string take_text(FileCursor& cursor, const wire::Field& field, std::uint64_t most);

/// The contents of all fields `number` of the message, at most `most`. Throws Error(corrupt).
std::vector<std::string> load_strings_of(const FileRange& message, std::uint32_t number,
                                         std::uint64_t most);

}  // namespace tensorferry::onnx
