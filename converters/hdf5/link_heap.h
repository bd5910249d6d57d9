// Groups of many links: a fractal heap holds the links, a tree finds them by name (HDF5 File Format
// Specification 3.0, section III.G; sizes as the library has them for links):
//
// clang-format off
//   header    | "FRHP" | 0: u8 | bytes of an identifier: u16 | 0: u16 | 2: u8, blocks have checksums
//             | largest object in a block: u32 | last number of a huge object: u64
//             | tree of huge objects: u64 | free: u64 | list of what is free: u64, none
//             | span of the rows: u64 | bytes of the blocks: u64 | end of the last block: u64
//             | objects: u64 | bytes of huge objects: u64 | huge objects: u64 | 16 x 0
//             | blocks in a row: u16 | bytes of the first block: u64 | of the largest: u64
//             | bits of an offset: u16 | 1: u16 | root: u64 | its rows: u16, 0 for a direct block
//             | checksum: u32 |
//   direct    | "FHDB" | 0: u8 | header: u64 | offset: u32 | checksum: u32 | objects | zeros |
//   indirect  | "FHIB" | 0: u8 | header: u64 | offset: u32 | blocks, row by row, each u64
//             | checksum: u32 |
// clang-format on
//
// The heap is a range of offsets, which blocks divide: four to a row, of 512 bytes in the first two
// rows and twice as many in each further one. From 128 KiB on a block is indirect, with rows of its
// own. A link of up to 4 KiB lies in a direct block; its identifier is | 0: u8 | offset: u32 |
// bytes: u16 |. A longer one lies in the file by itself: | 0x10: u8 | number: u48 |.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tensorferry::hdf5 {

/// A name in a group, and the header of the object that it names.
struct Link {
  std::string_view name;
  std::uint64_t address;
  std::uint32_t hash = 0;  ///< of the name; set where it is needed
};

struct LinkTable {
  std::uint64_t heap, tree;  ///< addresses
};

/// Appends a table of these links, at least one, whose names are different. They are put in order
/// by hash, in the heap too: the library lists a group in the order of the tree, and what it reads
/// from the heap then comes block after block. Throws Error(unsupported), which names
/// `group`, for more than 4 GiB of them.
LinkTable append_link_table(std::string& out, std::string_view group, std::span<Link> links);

}  // namespace tensorferry::hdf5
