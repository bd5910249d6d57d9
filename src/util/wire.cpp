#include "util/wire.h"

#include <bit>

namespace tensorferry::wire {
namespace {

constexpr std::uint32_t kHighestNumber = (1u << 29) - 1;

std::uint64_t tag(std::uint32_t number, Type type) {
  return std::uint64_t{number} << 3 | static_cast<std::uint64_t>(type);
}

constexpr unsigned kLongestVarint = 10, kLongestTag = 5;  // bytes

std::optional<std::uint64_t> read_varint(std::string_view bytes, std::size_t& position,
                                         unsigned most) {
  // Nearly all have one byte.
  if (position < bytes.size() && static_cast<unsigned char>(bytes[position]) < 0x80)
    return static_cast<unsigned char>(bytes[position++]);
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 7 * most && position < bytes.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes[position++]);
    value |= std::uint64_t{byte & 0x7fu} << shift;
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

std::optional<Header> next_header(std::string_view message, std::size_t& position) {
  std::size_t at = position;
  const auto head = read_varint(message, at, kLongestTag);
  if (!head || *head >> 3 == 0 || *head >> 3 > kHighestNumber) return std::nullopt;
  Header header{static_cast<std::uint32_t>(*head >> 3), static_cast<std::uint8_t>(*head & 7), 0};
  switch (header.type) {
    case 0:
    case 2: {
      const auto value = read_varint(message, at, header.type == 2 ? kLongestTag : kLongestVarint);
      if (!value) return std::nullopt;
      header.value = *value;
      break;
    }
    case 1:
      header.value = 8;
      break;
    case 5:
      header.value = 4;
      break;
    case 3:
    case 4:
      break;
    default:
      return std::nullopt;
  }
  position = at;
  return header;
}

std::optional<Field> next_field(std::string_view message, std::size_t& position) {
  std::size_t at = position;
  const auto header = next_header(message, at);
  if (!header || header->type == 4) return std::nullopt;
  Field field{header->number, static_cast<Type>(header->type), header->value};
  if (field.type == Type::group) {
    std::size_t inside = at;
    const bool ends = skip_group(field.number, [&]() -> std::optional<Header> {
      const auto next = next_header(message, inside);
      if (!next || next->type == 0) return next;
      if (next->value > message.size() - inside) return std::nullopt;
      inside += static_cast<std::size_t>(next->value);
      return next;
    });
    if (!ends) return std::nullopt;
    field.value = inside - at;
  }
  position = at;
  return field;
}

}  // namespace tensorferry::wire
