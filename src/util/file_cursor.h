// The bytes of a file in ascending order, through a window: for structures that are larger than
// what may be held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/error.h"
#include "tensorferry/input.h"
#include "tensorferry/manifest.h"
#include "util/wire.h"

namespace tensorferry {

/// Not thread-safe. What is not looked at is not read.
class FileCursor {
 public:
  static constexpr std::size_t kWindow = 64 * 1024;

  /// The bytes [position, end) of `file`, which outlives the cursor; the caller has compared them
  /// with its size.
  FileCursor(const File& file, std::uint64_t position, std::uint64_t end,
             std::size_t window = kWindow);

  std::uint64_t position() const { return position_; }
  std::uint64_t left() const { return end_ - position_; }
  const File& file() const { return file_; }
  /// At least `bytes` from the position on (at most the window), or all that is left. Valid until
  /// the next call.
  std::string_view peek(std::size_t bytes);
  /// Moves on by at most what is left.
  void skip(std::uint64_t bytes);
  /// Moves back to where it was before.
  void rewind(std::uint64_t position) { position_ = position; }
  /// The next bytes; the caller has compared their number with a limit and with left().
  std::string take(std::uint64_t bytes);

 private:
  const File& file_;
  std::uint64_t position_, end_;
  std::size_t window_;
  std::vector<std::byte> buffer_;  ///< starts at buffer_start_ in the file
  std::uint64_t buffer_start_ = 0;
};

namespace wire {

/// The field at the cursor, which moves past its header. Nothing: the header is malformed, or the
/// contents reach past `end`.
std::optional<Field> next_field(FileCursor& cursor, std::uint64_t end);

/// Why there is no field at the cursor: Error(corrupt.truncated) when the file ends inside it,
/// Error(corrupt.message) otherwise.
Error broken_field(FileCursor& cursor, std::uint64_t end);

/// Calls `visit(field)` for each field of the message that ends at `end`; the cursor stands at the
/// contents then, and is moved past them afterwards. Throws Error(corrupt).
template <typename Visit>
void for_each_field(FileCursor& cursor, std::uint64_t end, Visit visit) {
  while (cursor.position() < end) {
    const auto field = next_field(cursor, end);
    if (!field) throw broken_field(cursor, end);
    const std::uint64_t contents_end = cursor.position() + field->length();
    visit(*field);
    cursor.skip(contents_end - cursor.position());
  }
}

/// The same for a message that is read on its own: `visit(cursor, field)`.
template <typename Visit>
void for_each_field_of(const FileRange& message, Visit visit) {
  constexpr std::size_t kWindow = 4096;
  const std::uint64_t end = message.offset + message.length;
  FileCursor cursor(*message.file, message.offset, end, kWindow);
  for_each_field(cursor, end, [&](const Field& field) { visit(cursor, field); });
}

/// The contents of the field that the cursor stands at, in the file of `message`.
inline FileRange contents(const FileRange& message, const FileCursor& cursor, const Field& field) {
  return {message.file, cursor.position(), field.length()};
}

/// A field that is one message. Protobuf merges its occurrences, and the bytes of them back to back
/// are the merged message, so that is what readers are shown. Nothing is copied.
class MergedMessage {
 public:
  /// Another occurrence, of the same message as the others.
  void add(const FileRange& part);
  void clear() { *this = {}; }
  bool present() const { return present_; }
  /// Throws Error(corrupt) when it is one of several and is malformed.
  FileRange range() const;

 private:
  struct Part {
    std::uint64_t offset = 0, length = 0;
  };
  bool present_ = false;
  std::shared_ptr<const File> file_;
  Part first_;
  std::vector<Part> more_;
};

/// The field `number` of a message, itself a message.
MergedMessage message_field(const FileRange& message, std::uint32_t number);

}  // namespace wire

}  // namespace tensorferry
