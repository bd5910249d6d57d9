// The wire format of Protocol Buffers (protobuf.dev, "Encoding"), for files whose bulk never enters
// a message.
//
//   message = field*           field = tag, value           tag = varint(number << 3 | type)
//   varint  = 7 bits a byte, the lowest first; the top bit is set on all bytes but the last
//   type      0: varint   1: 8 bytes   2: varint length, then that many bytes   5: 4 bytes
//             3: a group, which lasts until the tag of type 4 with its number
//
// A varint takes at most 10 bytes, a tag or a length at most 5. Bits above 64 are dropped. A field
// whose type is not the one that its number has in the schema is skipped, as one that is not known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tensorferry::wire {

enum class Type : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, group = 3, fixed32 = 5 };

/// Messages and groups inside each other: more are refused by every implementation.
constexpr int kMostDepth = 100;

/// Bytes that `value` takes: 1 to 10.
std::size_t varint_size(std::uint64_t value);
void append_varint(std::string& out, std::uint64_t value);

/// The tag and length in front of the `length` bytes of a string, bytes, packed or message field.
void append_bytes_header(std::string& out, std::uint32_t number, std::uint64_t length);
std::size_t bytes_header_size(std::uint32_t number, std::uint64_t length);

/// A whole string, bytes or message field.
void append_bytes_field(std::string& out, std::uint32_t number, std::string_view contents);
std::size_t bytes_field_size(std::uint32_t number, std::string_view contents);
/// A whole field of type varint.
void append_varint_field(std::string& out, std::uint32_t number, std::uint64_t value);
std::size_t varint_field_size(std::uint32_t number, std::uint64_t value);

/// What stands in front of a field's contents.
struct Field {
  std::uint32_t number = 0;
  Type type = Type::varint;
  /// Of a varint the value; otherwise the length of the contents in bytes, of a group with the tag
  /// that ends it.
  std::uint64_t value = 0;

  bool is(std::uint32_t wanted, Type as) const { return number == wanted && type == as; }
  /// Bytes after the header.
  std::uint64_t length() const { return type == Type::varint ? 0 : value; }
};

/// A tag and what follows it up to the contents. Type 4 ends a group.
struct Header {
  std::uint32_t number = 0;
  std::uint8_t type = 0;
  std::uint64_t value = 0;  ///< as of a field; 0 of a group
};

/// The header at `position`, which moves past it. Nothing: it is cut or malformed; `position`
/// stays.
std::optional<Header> next_header(std::string_view message, std::size_t& position);

/// Steps through the group that began with the tag `number`. `next()` gives the next header and
/// steps over its contents, nothing when it is cut or malformed. False: the group does not end.
template <typename Next>
bool skip_group(std::uint32_t number, Next next) {
  std::vector<std::uint32_t> open{number};
  while (!open.empty()) {
    const std::optional<Header> header = next();
    if (!header) return false;
    if (header->type == 3) {
      if (open.size() == kMostDepth) return false;
      open.push_back(header->number);
    } else if (header->type == 4) {
      if (open.back() != header->number) return false;
      open.pop_back();
    }
  }
  return true;
}

/// The field at `position`, which moves past the header: for a varint to the next field,
/// otherwise to the contents, whose length is not compared with what is there, except that of a
/// group. Nothing: the header is cut or malformed, or the group does not end; `position` stays.
std::optional<Field> next_field(std::string_view message, std::size_t& position);

/// Calls `visit(field, contents, raw)` for each field of a message: contents is empty for a varint,
/// raw is the field as it stands. False: malformed, behind what was visited.
template <typename Visit>
bool for_each_field(std::string_view message, Visit visit) {
  for (std::size_t at = 0; at < message.size();) {
    const std::size_t start = at;
    const auto field = next_field(message, at);
    if (!field) return false;
    const std::uint64_t length = field->length();
    if (length > message.size() - at) return false;
    const std::string_view contents = message.substr(at, static_cast<std::size_t>(length));
    at += contents.size();
    visit(*field, contents, message.substr(start, at - start));
  }
  return true;
}

}  // namespace tensorferry::wire
