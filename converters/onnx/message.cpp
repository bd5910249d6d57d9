#include "message.h"

#include <utility>

namespace tensorferry::onnx {

std::string take_text(FileCursor& cursor, const wire::Field& field, std::uint64_t most) {
  if (field.value > most) {
    throw Error(ErrorCode::unsafe, "limit",
                "a text of " + std::to_string(field.value) + " bytes at byte " +
                    std::to_string(cursor.position()) + ", the limit is " + std::to_string(most));
  }
  return cursor.take(field.value);
}

std::vector<std::string> load_strings_of(const FileRange& message, std::uint32_t number,
                                         std::uint64_t most) {
  std::vector<std::string> strings;
  const std::uint64_t end = message.offset + message.length;
  FileCursor cursor(*message.file, message.offset, end);
  for_each_field(cursor, end, [&](const wire::Field& field) {
    if (!field.is(number, wire::Type::bytes)) return;
    if (strings.size() == most)
      throw Error(ErrorCode::corrupt, "values", "more strings than its shape has elements");
    strings.push_back(cursor.take(field.value));
  });
  if (strings.size() != most) {
    throw Error(ErrorCode::corrupt, "values",
                "holds " + std::to_string(strings.size()) + " strings, its shape needs " +
                    std::to_string(most));
  }
  return strings;
}

}  // namespace tensorferry::onnx
