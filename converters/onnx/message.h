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

Error malformed_field(std::uint64_t position);

/// Calls `visit(field)` for each field of the message that ends at `end`; the cursor stands at the
/// contents then, and is moved behind them afterwards. Throws Error(corrupt.message).
template <typename Visit>
void for_each_field(FileCursor& cursor, std::uint64_t end, Visit visit) {
  while (cursor.position() < end) {
    const std::uint64_t start = cursor.position();
    const auto field = wire::next_field(cursor, end);
    if (!field) throw malformed_field(start);
    const std::uint64_t contents_end =
        cursor.position() + (field->type == wire::Type::varint ? 0 : field->value);
    visit(*field);
    cursor.skip(contents_end - cursor.position());
  }
}

/// The same for a message that is read on its own.
template <typename Visit>
void for_each_field_of(const FileRange& message, Visit visit) {
  constexpr std::size_t kWindow = 4096;
  const std::uint64_t end = message.offset + message.length;
  FileCursor cursor(*message.file, message.offset, end, kWindow);
  for_each_field(cursor, end, [&](const wire::Field& field) { visit(cursor, field); });
}

/// The field must be bytes, a text or a message. Throws Error(corrupt.message).
void expect_bytes(const FileCursor& cursor, const wire::Field& field);
/// The text of the field at whose contents the cursor stands. Throws Error(corrupt.message), and
/// Error(unsafe.limit) for more than `most` bytes.
std::string take_text(FileCursor& cursor, const wire::Field& field, std::uint64_t most);

/// The contents of all fields `number` of the message, at most `most`. Throws Error(corrupt).
std::vector<std::string> load_strings_of(const FileRange& message, std::uint32_t number,
                                         std::uint64_t most);

}  // namespace tensorferry::onnx
