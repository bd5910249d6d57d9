// The integers that the files of a checkpoint are made of.
//
//   varint    7 bits a byte, least significant first; the top bit says that another byte follows
//   masked    a CRC32C rotated right by 15 bits, plus 0xa282ead8
//
// Masking keeps a CRC over bytes that hold a CRC of themselves strong. Both come from LevelDB
// (util/coding.h, util/crc32c.h), whose table format TensorFlow took over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tensorferry::tensorflow {

inline constexpr std::uint32_t kMaskDelta = 0xa282ead8;

constexpr std::uint32_t mask_crc(std::uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + kMaskDelta;
}

constexpr std::uint32_t unmask_crc(std::uint32_t masked) {
  const std::uint32_t rotated = masked - kMaskDelta;
  return (rotated << 15) | (rotated >> 17);
}

/// Takes a varint off the front of `bytes`. False, with `bytes` as it was, when it is cut off or
/// does not fit 64 bits.
constexpr bool take_varint(std::string_view& bytes, std::uint64_t& value) {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    if (i == 9 && byte > 1) return false;
    result |= std::uint64_t{byte & 0x7fu} << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      value = result;
      return true;
    }
  }
  return false;
}

/// The same for the varints that are 32 bits wide.
constexpr bool take_varint32(std::string_view& bytes, std::uint32_t& value) {
  std::string_view rest = bytes;
  std::uint64_t wide = 0;
  if (!take_varint(rest, wide) || wide > 0xffffffff) return false;
  bytes = rest;
  value = static_cast<std::uint32_t>(wide);
  return true;
}

/// The first four bytes as a little-endian number.
constexpr std::uint32_t load_little32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = (value << 8) | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

inline void append_little32(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift);
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace tensorferry::tensorflow
