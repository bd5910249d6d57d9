// Global heap collections, which hold strings and other values of variable length (HDF5 File
// Format Specification 3.0, section III.E):
//
//   | "GCOL" | version 1: u8 | 3 x 0 | bytes of the collection: u64 | objects ... |
//   object: | index: u16 | references: u16 | 4 x 0 | size: u64 | data, padded to 8 bytes |
//   object 0 is what is free, its header included in its size
#pragma once

#include <cstdint>
#include <span>

#include "tensorferry/input.h"

namespace tensorferry::hdf5 {

/// The library (1.10) copies an object of the size that stands there, wherever it ends. So every
/// collection whose first bytes lie in a range of the file that the library is about to read is
/// checked before. Throws Error(corrupt.hdf5_heap).
void check_heaps(const File& file, std::uint64_t offset, std::uint64_t length);

}  // namespace tensorferry::hdf5
