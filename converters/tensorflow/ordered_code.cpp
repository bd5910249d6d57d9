#include "ordered_code.h"

#include <algorithm>
#include <array>
#include <bit>

namespace tensorferry::tensorflow {
namespace {

constexpr std::size_t kMostSignedBytes = 10;

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

/// Inverts the first `bits` bits.
void invert_header(std::array<std::uint8_t, kMostSignedBytes>& bytes, std::size_t bits) {
  for (std::size_t i = 0; i < bits; ++i) {
    bytes[i / 8] = static_cast<std::uint8_t>(bytes[i / 8] ^ (0x80u >> (i % 8)));
  }
}

bool take_unsigned(std::string_view& key, std::uint64_t& value) {
  if (key.empty()) return false;
  const std::size_t count = byte_at(key, 0);
  if (count > 8 || count + 1 > key.size()) return false;
  value = 0;
  for (std::size_t i = 1; i <= count; ++i) value = (value << 8) | byte_at(key, i);
  if (count > 0 && byte_at(key, 1) == 0) return false;
  key.remove_prefix(1 + count);
  return true;
}

bool take_string(std::string_view& key, std::string& text) {
  for (std::size_t i = 0; i + 1 < key.size(); ++i) {
    const std::uint8_t byte = byte_at(key, i);
    if (byte != 0x00 && byte != 0xff) {
      text += key[i];
      continue;
    }
    const std::uint8_t next = byte_at(key, ++i);
    if (byte == 0x00 && next == 0x01) {
      key.remove_prefix(i + 1);
      return true;
    }
    if (next != static_cast<std::uint8_t>(~byte)) return false;
    text += static_cast<char>(byte);
  }
  return false;
}

bool take_signed(std::string_view& key, std::int64_t& value) {
  if (key.empty()) return false;
  const bool negative = byte_at(key, 0) < 0x80;
  const std::uint8_t flip = negative ? 0xff : 0x00;
  const auto ones = [&](std::size_t i) {
    return static_cast<std::size_t>(
        std::countl_one(static_cast<std::uint8_t>(byte_at(key, i) ^ flip)));
  };
  std::size_t count = ones(0);
  if (count == 8 && key.size() > 1) count += ones(1);
  if (count > kMostSignedBytes || count > key.size()) return false;
  std::array<std::uint8_t, kMostSignedBytes> bytes{};
  for (std::size_t i = 0; i < count; ++i) bytes[i] = byte_at(key, i);
  invert_header(bytes, count);
  std::uint64_t bits = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < count; ++i) bits = (bits << 8) | bytes[i];
  value = static_cast<std::int64_t>(bits);
  key.remove_prefix(count);
  return true;
}

}  // namespace

void append_unsigned(std::string& key, std::uint64_t value) {
  const auto count = static_cast<std::size_t>((std::bit_width(value) + 7) / 8);
  key += static_cast<char>(count);
  for (std::size_t i = count; i-- > 0;) key += static_cast<char>(value >> (8 * i));
}

void append_signed(std::string& key, std::int64_t value) {
  const auto magnitude = static_cast<std::uint64_t>(value < 0 ? ~value : value);
  const auto significant = static_cast<std::size_t>(std::bit_width(magnitude));
  const std::size_t count = significant / 7 + 1;
  std::array<std::uint8_t, kMostSignedBytes> bytes{};
  for (std::size_t i = 0; i < count; ++i) {
    // Bytes above the eighth are copies of the sign.
    const std::size_t shift = std::min<std::size_t>(8 * (count - 1 - i), 63);
    bytes[i] = static_cast<std::uint8_t>(value >> shift);
  }
  invert_header(bytes, count);
  for (std::size_t i = 0; i < count; ++i) key += static_cast<char>(bytes[i]);
}

void append_string(std::string& key, std::string_view text) {
  for (const char c : text) {
    key += c;
    if (c == '\x00') key += '\xff';
    if (c == '\xff') key += '\x00';
  }
  key += '\x00';
  key += '\x01';
}

std::string encode_slice_key(std::string_view name, const Slice& slice) {
  std::string key;
  append_unsigned(key, 0);
  append_string(key, name);
  append_unsigned(key, slice.size());
  for (const SliceExtent& extent : slice) {
    append_signed(key, extent.start);
    append_signed(key, extent.length);
  }
  return key;
}

std::optional<SliceKey> decode_slice_key(std::string_view key) {
  SliceKey result;
  std::uint64_t zero = 1, rank = 0;
  if (!take_unsigned(key, zero) || zero != 0 || !take_string(key, result.name) ||
      !take_unsigned(key, rank)) {
    return std::nullopt;
  }
  if (rank > key.size() / 2) return std::nullopt;  // each dimension takes two bytes at least
  for (std::uint64_t i = 0; i < rank; ++i) {
    SliceExtent extent;
    if (!take_signed(key, extent.start) || !take_signed(key, extent.length)) return std::nullopt;
    result.slice.push_back(extent);
  }
  if (!key.empty()) return std::nullopt;
  return result;
}

std::string slice_text(const Slice& slice) {
  std::string text = "[";
  for (const SliceExtent& extent : slice) {
    if (text.size() > 1) text += ", ";
    if (extent.length == -1 && extent.start == 0) {
      text += ':';
      continue;
    }
    text += std::to_string(extent.start) + ':';
    std::int64_t end = 0;
    text += __builtin_add_overflow(extent.start, extent.length, &end)
                ? "+" + std::to_string(extent.length)
                : std::to_string(end);
  }
  return text + ']';
}

}  // namespace tensorferry::tensorflow
