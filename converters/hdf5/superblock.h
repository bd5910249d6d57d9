// What an HDF5 file begins with (HDF5 File Format Specification 3.0, sections II.A and III.C):
//
// clang-format off
//   | signature | 5 x 0 | bytes of an address: u8 | of a length: u8 | 0
//   | trees of old groups: half of the entries of a leaf: u16, of another node: u16 | 4 x 0
//   | base: u64 | free space: u64, none | end of the file: u64 | driver: u64, none
//   | root group: 0: u64 | address of its header: u64 | 24 x 0 |
// clang-format on
//
// This is version 0. Version 1 has, behind the 4 zeros, half of the children of a node of a tree of
// chunks, u16, and 2 zeros.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "chunk_tree.h"

namespace tensorferry::hdf5 {

inline constexpr std::string_view kFileSignature("\x89HDF\r\n\x1a\n", 8);

struct Superblock {
  std::uint64_t root = 0;  ///< the header of the root group
  HalfNode half_node = kUsualHalfNode;

  std::size_t bytes() const;
  /// At the front of `file`, which ends at `end`.
  void put(std::string& file, std::uint64_t end) const;
};

}  // namespace tensorferry::hdf5
