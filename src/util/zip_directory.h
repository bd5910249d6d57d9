// Where the directory of a zip archive lies: its end record, found from the back. util/zip.h has
// the diagram.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "util/zip.h"

namespace tensorferry::zip {

/// Little-endian numbers at an offset that is inside.
inline std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}
inline std::uint16_t u16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(number(bytes, at, 2));
}
inline std::uint32_t u32(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint32_t>(number(bytes, at, 4));
}
inline std::uint64_t u64(std::string_view bytes, std::size_t at) { return number(bytes, at, 8); }

[[noreturn]] void corrupt(const std::string& why);

inline constexpr std::uint32_t local_mark = 0x04034b50, central_mark = 0x02014b50,
                               end_mark = 0x06054b50;
inline constexpr std::uint64_t central_bytes = 46;
inline constexpr std::uint32_t all_ones = 0xFFFFFFFF;  ///< the number is in a zip64 structure

struct Directory {
  std::uint64_t entries = 0, bytes = 0;
  std::uint64_t offset = 0;  ///< as told; it begins at offset + shift
  std::uint64_t shift = 0;   ///< bytes in front of the archive
  std::string comment;
  std::uint64_t trailing = 0;
};

/// Throws Error(corrupt.zip), Error(unsupported.zip_volumes), Error(unsafe.limit).
Directory find_directory(const File& file, const ZipRules& rules);

}  // namespace tensorferry::zip
