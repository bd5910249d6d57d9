// Messages of object headers, which hold what the library hands out in a converted form only (HDF5
// File Format Specification 3.0, sections IV.A.1 and IV.A.2):
//
// clang-format off
//   version 1: | 1: u8 | 0 | messages: u16 | references: u32 | bytes: u32 | 4 x 0 | messages ... |
//     message: | type: u16 | size: u16 | flags: u8 | 3 x 0 | data |
//     continued in a block of messages alone
//   version 2: | "OHDR" | 2: u8 | flags: u8 | flags & 0x20: 4 times, u32 |
//              | flags & 0x10: 2 x u16 | bytes: u8, u16, u32, u64 by flags & 3 | messages ... |
//              | gap, shorter than a message | checksum: u32 |
//     message: | type: u8 | size: u16 | flags: u8 | flags of the header & 4: order, u16 | data |
//     continued in | "OCHK" | messages ... | gap | checksum: u32 |
//   continuation, type 0x10: | address: u64 | bytes of the block: u64 |
//   attribute, type 0x0C, versions 1, 2, 3:
//     | version: u8 | flags: u8 | bytes of the name, its NUL included: u16 | of the type: u16 |
//     | of the space: u16 | version 3: charset: u8 | name | type | space | elements |
//     version 1 pads name, type and space to 8 bytes
//   link, type 0x06:
//     | 1: u8 | flags: u8 | flags & 8: kind, u8 | flags & 4: order, u64 | flags & 0x10: charset, u8
//     | bytes of the name: u8, u16, u32, u64 by flags & 3 | name
//     | kind 0: address, u64; other kinds: bytes of the target, u16, and the target |
//   layout of chunks, type 0x08, versions 1 and 2, 3, 4:
//     | version: u8 | extents: u8 | 2: u8 | 5 x 0 | address: u64 | extents, each u32 |
//     | 3: u8 | 2: u8 | extents: u8 | address: u64 | extents, each u32 |
//     | 4: u8 | 2: u8 | flags: u8 | extents: u8 | bytes of each: u8 | extents | index ... |
// clang-format on
//
// The library verifies the checksums when it opens the object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/input.h"

namespace tensorferry::hdf5 {

/// Of all blocks of a header together: larger ones are neither read nor written.
inline constexpr std::uint64_t kMostHeader = std::uint64_t{64} << 20;

struct HeaderMessage {
  static constexpr unsigned kSpace = 0x01, kLinkInfo = 0x02, kType = 0x03, kOldFill = 0x04,
                            kFill = 0x05, kLink = 0x06, kLayout = 0x08, kGroupInfo = 0x0a,
                            kFilters = 0x0b, kAttribute = 0x0c, kContinuation = 0x10;

  unsigned type = 0;
  bool shared = false;  ///< `data` tells where the message is
  std::string data;
};

/// All messages of the object whose header lies at `address`; addresses count from `base`. Throws
/// Error(corrupt.hdf5_header), or Error(unsafe.limit) for more than 64 MiB.
std::vector<HeaderMessage> object_header(const File& file, std::uint64_t base,
                                         std::uint64_t address);

/// The stored elements of an attribute, which are followed by up to 7 bytes of padding; nothing
/// where the header does not hold it.
std::optional<std::string_view> stored_attribute(const std::vector<HeaderMessage>& messages,
                                                 std::string_view name);

/// The stored elements of a compact dataset; nothing for any other layout.
std::optional<std::string_view> stored_compact(const std::vector<HeaderMessage>& messages);

/// Throws Error(corrupt.hdf5_header) for what crashes 1.10: it reads as much of an attribute as its
/// sizes and the rank of its space say, divides by the extents of chunks, and frees what it has not
/// set when it lists a group with a link that it does not understand.
void check_messages(const std::vector<HeaderMessage>& messages);

/// Whether the elements of a dataset lie in other files.
bool is_virtual(const std::vector<HeaderMessage>& messages);

/// The fill value that the creator of a dataset set, as it is stored; nothing where there is none.
/// Throws Error(unsupported.shared_message) where another object holds it.
std::optional<std::string_view> stored_fill(const std::vector<HeaderMessage>& messages);

}  // namespace tensorferry::hdf5
