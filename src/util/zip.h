// Zip archives, read (APPNOTE.TXT 6.3 of PKWARE; what numpy and Python's zipfile accept was tried
// with them).
//
//   local header, name, extra, data [, data descriptor]      once for each member, in any order
//   central header, name, extra, comment                     once for each member: what counts
//   [zip64 end record, zip64 locator]                        where 16 or 32 bits do not suffice
//   end record, archive comment
//
//   local header    central header   field (all little-endian)
//   0   PK 3 4      0   PK 1 2
//                   4   u16          made by
//   4   u16         6   u16          version needed
//   6   u16         8   u16          flags: 1 encrypted, 8 sizes follow the data, 0x800 the name is
//   UTF-8 8   u16         10  u16          method: 0 stored, 8 deflated 10  2 x u16     12  2 x u16
//   time, date 14  u32         16  u32          CRC-32 of the contents 18  2 x u32     20  2 x u32
//   stored size, size; all ones = in the extra field 1 26  u16         28  u16          length of
//   the name 28  u16         30  u16          length of the extra fields: u16 id, u16 length, bytes
//                   32  u16          length of the comment
//                   34  u16          disk
//                   36  u16, u32     attributes
//                   42  u32          offset of the local header; all ones = in the extra field 1
//   30              46               the name
//
//   end record: PK 5 6, u16 disk, u16 disk of the directory, u16 entries here, u16 entries, u32
//   bytes and u32 offset of the directory, u16 length of the comment (22 bytes); zip64 end record:
//   PK 6 6, u64 length of what follows, u16 made by, u16 version, u32 disk, u32 disk of the
//   directory, u64 entries here, u64 entries, u64 bytes, u64 offset (56 bytes); zip64 locator: PK 6
//   7, u32 disk, u64 offset of the zip64 end record, u32 disks (20 bytes)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tensorferry/error.h"
#include "tensorferry/input.h"
#include "tensorferry/manifest.h"

namespace tensorferry {

/// What differs between the formats that are zip archives.
struct ZipRules {
  /// Bytes before the first local header are allowed, as self-extracting archives have them;
  /// offsets then count from behind them. numpy refuses such a file, Python's zipfile opens it.
  bool allow_prefix = false;
  /// The most that a deflated member may inflate to; by default 4 GiB or 1032 times its stored
  /// size, whichever is more.
  std::uint64_t inflated_limit = 0;
  std::uint64_t directory_bytes = 100'000'000;  ///< limits as in Limits
  std::uint64_t members = 16'000'000;
};

struct ZipMember {
  std::string name;  ///< its bytes; a label, never a path
  std::uint16_t method = 0;
  std::uint32_t crc32 = 0;               ///< of its contents
  std::uint64_t offset = 0, stored = 0;  ///< of its bytes in the archive
  std::uint64_t size = 0;                ///< of its contents
  Problem problem;  ///< set: its contents cannot be read: encrypted, an unknown method, too large
                    ///< inflated

  bool is_stored() const { return method == 0; }
};

struct ZipArchive {
  std::shared_ptr<const File> file;
  std::vector<ZipMember> members;  ///< in the order of the directory, without folders
  std::string comment;
  std::uint64_t trailing = 0;  ///< bytes behind the archive, ignored as zipfile does
};

/// Reads and checks directory and local headers; no contents. Throws Error(corrupt.zip) for what is
/// malformed, ambiguous or contradictory: overlapping or repeated members, a second end record,
/// counts and sizes that lie.
ZipArchive read_zip(std::shared_ptr<const File> file, const ZipRules& rules = {});

/// The contents of a member. Throws its problem. Stored: a range of the archive, whose CRC-32 is
/// for the caller to check (Checksum::Kind::crc32). Deflated: inflated while it is read
/// (util/inflated_file.h says how `verify_from` works).
std::shared_ptr<const File> open_member(const ZipArchive& archive, const ZipMember& member,
                                        std::uint64_t verify_from = ~std::uint64_t{0});

/// The contents of a small member, its CRC-32 verified. Throws Error(unsafe.limit) for more than
/// `most` bytes.
std::string read_member(const ZipArchive& archive, const ZipMember& member, std::uint64_t most);

}  // namespace tensorferry
