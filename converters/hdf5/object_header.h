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
//     | 4 or 5: u8 | 2: u8 | flags: u8 | extents: u8 | bytes of each: u8 | extents | index: u8, ... |
//   layout of compact elements, versions 1 and 2, from 3 on:
//     | version: u8 | extents: u8 | 0: u8 | 5 x 0 | extents, each u32 | bytes: u32 | elements |
//     | version: u8 | 0: u8 | bytes: u16 | elements |
//   fill value, type 0x05, versions 1 and 2, 3:
//     | version: u8 | allocation: u8 | when it is written: u8 | defined: u8 | bytes: u32 | value |
//     | 3: u8 | allocation, written << 2, 0x10: undefined, 0x20: defined: u8 | bytes: u32 | value |
//     of releases before 1.6, type 0x04: | bytes: u32 | value |
//   in place of a shared message, versions 1, 2, 3:
//     | 1: u8 | kind: u8 | 6 x 0 | address: u64 |, 2 and 3 without the zeros; the address is that of
//     an object header with such a message, but a key in a table of the file for kind 1 of version 3
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
  /// `data` tells where the message is.
  bool shared = false;
  std::string data;
  /// Where `data` lies in the file.
  std::uint64_t offset = 0;
};

/// A part of an object header that has a checksum of its own: the last 4 bytes.
struct SealedBlock {
  std::uint64_t offset = 0, bytes = 0;
};

/// All messages of the object whose header lies at `address`; addresses count from `base`. Throws
/// Error(corrupt.hdf5_header), or Error(unsafe.limit) for more than 64 MiB.
std::vector<HeaderMessage> object_header(const File& file, std::uint64_t base,
                                         std::uint64_t address);

/// The same, and of a header of version 2 where its blocks lie in the file.
std::vector<HeaderMessage> object_header(const File& file, std::uint64_t base,
                                         std::uint64_t address, std::vector<SealedBlock>& blocks);

/// Of a shared message: the address of the object header that has it. Nothing where it lies in a
/// table of the file. Throws Error(corrupt.hdf5_header).
std::optional<std::uint64_t> shared_with(std::string_view data);

/// Where the type of an attribute begins in its message.
struct AttributeType {
  std::size_t offset = 0, bytes = 0;
  /// The type itself is shared: shared_with tells where it lies.
  bool shared = false;
};
AttributeType attribute_type(std::string_view data);

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

/// What elements are that were never written.
struct StoredFill {
  /// The creator of the dataset wants no value.
  bool undefined = false;
  /// Nothing is ever filled in, whatever the value.
  bool never = false;
  /// As it is stored; nothing where no value was set, which means zeros.
  std::optional<std::string_view> value;
};

/// Throws Error(unsupported.shared_message) where another object holds it.
StoredFill stored_fill(const std::vector<HeaderMessage>& messages);

}  // namespace tensorferry::hdf5
