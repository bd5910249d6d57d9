// The records of the zip archive that is written (src/util/zip.h has the diagram of each).
//
//   local header | name | padding | .npy header | elements        once for each tensor; the .npy
//   header, a multiple of
//                                                                 64 bytes, and so the elements lie
//                                                                 at a multiple of 64
//   [local header | "tensorferry.json" | text]                    metadata that is too long for the
//   comment central headers | [zip64 end record, locator] | end record | comment
//
// Padding is an extra field, id 0xD935 as Android's zipalign has it: u16 id, u16 length, u16
// alignment, zeros. Numbers that take more than 32 bits (16 for the number of members) are in zip64
// fields. The date is 1980-01-01, as numpy writes it, so that the same tensors give the same bytes.
// numpy, Python's zipfile and unzip read it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tensorferry::npz {

inline constexpr std::uint64_t alignment = 64;
/// Of a member's CRC-32 behind the start of its local header, and of its central one.
inline constexpr std::uint64_t local_crc = 14, central_crc = 16;
/// The most that the archive comment holds.
inline constexpr std::size_t max_comment = 0xFFFF;
/// The longest name of a member.
inline constexpr std::size_t max_name = 0xFFFF;

/// Of a central header, without name and zip64 field.
inline constexpr std::size_t central_bytes = 46;

struct Member {
  std::string_view name;
  bool deflated = false;
  std::uint32_t crc32 = 0;
  std::uint64_t stored = 0, size = 0;  ///< bytes in the archive, and of the contents
  std::uint64_t offset = 0;            ///< of the local header
  bool large = false;  ///< its local header has a zip64 field; set where a size may need it
};

/// Whether sizes of this many bytes need a zip64 field.
bool needs_zip64(std::uint64_t bytes);

/// Ends, with `aligned`, at a multiple of `alignment` in the archive. Has room for `more` bytes.
std::string local_header(const Member& member, bool aligned, std::size_t more = 0);
void append_central_header(std::string& out, const Member& member);
/// What is behind the central headers, which have `bytes` bytes at `offset`.
std::string end_records(std::uint64_t members, std::uint64_t bytes, std::uint64_t offset,
                        std::string_view comment);

}  // namespace tensorferry::npz
