#include "util/wire_check.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "tensorferry/error.h"
#include "util/file_cursor.h"
#include "util/utf8.h"

namespace tensorferry::wire {
namespace {

/// The text in front of the first `separator`, which is taken off with it.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

Error malformed(std::uint64_t position, const std::string& what) {
  return Error(ErrorCode::corrupt, "message",
               "malformed protobuf field at byte " + std::to_string(position) + ": " + what);
}

}  // namespace

MessageSchema::MessageSchema(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    const std::string_view name = take_until(line, ' ');
    if (name.empty()) continue;
    Message& message = messages_[name];
    while (!line.empty()) {
      std::string_view row = take_until(line, ' ');
      const std::string_view digits = take_until(row, '=');
      std::uint32_t number = 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
      message.emplace(number, row);
    }
  }
}

class MessageSchema::Walk {
 public:
  Walk(const MessageSchema& schema, const File& file)
      : schema_(schema), cursor_(file, 0, file.size()) {}

  void message(std::string_view name, std::uint64_t end, int depth) {
    if (depth > kMostDepth) {
      throw Error(ErrorCode::corrupt, "depth",
                  "more than " + std::to_string(kMostDepth) +
                      " messages inside each other at byte " + std::to_string(cursor_.position()));
    }
    const Message& kinds = schema_.messages_.at(name);
    for_each_field(cursor_, end, [&](const Field& field) {
      if (field.type != Type::bytes) return;
      const auto kind = kinds.find(field.number);
      if (kind != kinds.end()) contents(kind->second, field.value, depth);
    });
  }

 private:
  void contents(std::string_view kind, std::uint64_t length, int depth) {
    const std::uint64_t start = cursor_.position();
    if (kind == "utf8") return text(start + length);
    if (kind == "varints") return varints(start + length);
    if (kind == "fixed32s" || kind == "fixed64s") {
      if (length % (kind == "fixed32s" ? 4 : 8) != 0) throw malformed(start, "part of a number");
      return;
    }
    message(kind, start + length, depth + 1);
  }

  /// What is left of the contents, as far as it is seen at once.
  std::string_view seen(std::uint64_t end) {
    constexpr std::size_t kLeast = 16;  // more than a varint or a character takes
    return cursor_.peek(kLeast).substr(0, end - cursor_.position());
  }

  void text(std::uint64_t end) {
    constexpr std::size_t kLongest = 4;
    while (cursor_.position() < end) {
      const std::string_view part = seen(end);
      const bool last = cursor_.position() + part.size() == end;
      std::size_t at = 0;
      while (at < part.size() && (last || part.size() - at >= kLongest)) {
        const std::size_t length = decode_utf8(part.substr(at)).length;
        if (length == 0) {
          throw Error(
              ErrorCode::corrupt, "utf8",
              "a text that is not UTF-8 at byte " + std::to_string(cursor_.position() + at));
        }
        at += length;
      }
      cursor_.skip(at);
    }
  }

  void varints(std::uint64_t end) {
    constexpr std::size_t kLongest = 10;
    while (cursor_.position() < end) {
      const std::string_view part = seen(end);
      const bool last = cursor_.position() + part.size() == end;
      std::size_t at = 0;
      while (at < part.size() && (last || part.size() - at >= kLongest)) {
        std::size_t next = at;
        while (next < part.size() && static_cast<unsigned char>(part[next]) >= 0x80) ++next;
        if (next == part.size() || next - at >= kLongest)
          throw malformed(cursor_.position() + at, "a number that does not end");
        at = next + 1;
      }
      cursor_.skip(at);
    }
  }

  const MessageSchema& schema_;
  FileCursor cursor_;
};

void MessageSchema::check(const File& file, std::string_view root) const {
  try {
    Walk(*this, file).message(root, file.size(), 0);
  } catch (const Error& error) {
    throw error.in_file(file.name());
  }
}

}  // namespace tensorferry::wire
