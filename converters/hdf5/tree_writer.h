// B-trees of version 2, written at once (HDF5 File Format Specification 3.0, section III.A.2):
//
//   header    | "BTHD" | 0: u8 | type: u8 | bytes of a node: u32 | of a record: u16 | depth: u16 |
//             | split at %: u8 | merge at %: u8 | root: u64 | its records: u16 | all records: u64 |
//             | checksum: u32 |
//   leaf      | "BTLF" | 0: u8 | type: u8 | records | checksum | zeros |
//   other     | "BTIN" | 0: u8 | type: u8 | records | children, one more than records | checksum |
//             | zeros |
//   child     | address: u64 | its records | above leaves' parents: records of all below it |
//
// Numbers of records take as many bytes as the most that can be there. Records are in the nodes of
// all levels, each between the children that it separates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tensorferry::hdf5 {

enum class TreeType : std::uint8_t {
  huge_objects = 1,  ///< | address: u64 | bytes: u64 | number: u64 |, by number
  link_names = 5,    ///< | hash of the name: u32 | identifier in the heap |, by hash, then name
};

/// Appends a tree of these records, at least one, which are in order. Returns its address.
std::uint64_t append_tree(std::string& out, TreeType type, std::string_view records,
                          std::size_t record_bytes);

/// Appends the checksum of all bytes from `begin` on.
void append_checksum(std::string& out, std::size_t begin);

}  // namespace tensorferry::hdf5
