#include "util/wire.h"

#include <bit>

namespace tensorferry::wire {
namespace {

constexpr std::uint32_t kHighestNumber = (1u << 29) - 1;

std::uint64_t tag(std::uint32_t number, Type type) {
  return std::uint64_t{number} << 3 | static_cast<std::uint64_t>(type);
}

std::optional<std::uint64_t> read_varint(std::string_view bytes, std::size_t& position) {
  // Nearly all have one byte.
  if (position < bytes.size() && static_cast<unsigned char>(bytes[position]) < 0x80)
    return static_cast<unsigned char>(bytes[position++]);
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && position < bytes.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes[position++]);
    const std::uint64_t bits = byte & 0x7fu;
    if (shift == 63 && byte > 1) return std::nullopt;
    value |= bits << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

}  // namespace

std::size_t varint_size(std::uint64_t value) {
  const auto bits = static_cast<std::size_t>(std::bit_width(value | 1));
  return (bits + 6) / 7;
}

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>((value & 0x7f) | 0x80));
  out.push_back(static_cast<char>(value));
}

void append_bytes_header(std::string& out, std::uint32_t number, std::uint64_t length) {
  append_varint(out, tag(number, Type::bytes));
  append_varint(out, length);
}

std::size_t bytes_header_size(std::uint32_t number, std::uint64_t length) {
  return varint_size(tag(number, Type::bytes)) + varint_size(length);
}

void append_bytes_field(std::string& out, std::uint32_t number, std::string_view contents) {
  append_bytes_header(out, number, contents.size());
  out += contents;
}

std::size_t bytes_field_size(std::uint32_t number, std::string_view contents) {
  return bytes_header_size(number, contents.size()) + contents.size();
}

void append_varint_field(std::string& out, std::uint32_t number, std::uint64_t value) {
  append_varint(out, tag(number, Type::varint));
  append_varint(out, value);
}

std::size_t varint_field_size(std::uint32_t number, std::uint64_t value) {
  return varint_size(tag(number, Type::varint)) + varint_size(value);
}

std::optional<Field> next_field(std::string_view message, std::size_t& position) {
  std::size_t at = position;
  const auto head = read_varint(message, at);
  if (!head || *head >> 3 == 0 || *head >> 3 > kHighestNumber) return std::nullopt;
  Field field{static_cast<std::uint32_t>(*head >> 3), Type::varint, 0};
  switch (*head & 7) {
    case 0:
    case 2: {
      const auto value = read_varint(message, at);
      if (!value) return std::nullopt;
      field.value = *value;
      if ((*head & 7) == 2) field.type = Type::bytes;
      break;
    }
    case 1:
      field.type = Type::fixed64;
      field.value = 8;
      break;
    case 5:
      field.type = Type::fixed32;
      field.value = 4;
      break;
    default:
      return std::nullopt;
  }
  position = at;
  return field;
}

}  // namespace tensorferry::wire
