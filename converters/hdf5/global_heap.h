// Global heap collections, which hold strings and other values of variable length (HDF5 File
// Format Specification 3.0, sections III.E and IV.A.2.d, "Variable-length Types"):
//
//   | "GCOL" | version 1: u8 | 3 x 0 | bytes of the collection: u64 | objects ... |
//   object: | index: u16 | references: u16 | 4 x 0 | size: u64 | data, padded to 8 bytes |
//   object 0 is what is free, its header included in its size
//   a value: | elements: u32 | address of the collection: u64 | index of the object: u32 |
//
// The library (1.10) believes an index that it finds in a value, so these are read here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/input.h"

namespace tensorferry::hdf5 {

/// What a collection begins with, the bytes in front of its objects, and of each object's data.
inline constexpr std::string_view kCollectionStart("GCOL\1\0\0\0", 8);
inline constexpr std::uint64_t kCollectionHeader = 16, kHeapObjectHeader = 16;
/// Every part of a collection begins at a multiple of it.
inline constexpr std::uint64_t kHeapAlignment = 8;

/// What is stored in place of a value of variable length.
struct HeapReference {
  static constexpr std::size_t kBytes = 16;

  std::uint64_t length = 0;   ///< of the value, in elements
  std::uint64_t address = 0;  ///< of the collection; 0 where there is no value
  std::uint64_t index = 0;

  /// From kBytes bytes.
  static HeapReference at(const char* stored);
  /// Undoes it.
  std::string stored() const;
};

/// The values of one file whose elements are single bytes. Remembers the collections that it has
/// met: 24 bytes for each object. Not thread-safe.
class GlobalHeap {
 public:
  /// Addresses count from `base`. The file must outlive the heap.
  GlobalHeap(const File& file, std::uint64_t base) : file_(file), base_(base) {}

  /// Takes reference.length bytes. Throws Error(corrupt.hdf5_heap).
  std::string value(const HeapReference& reference);

 private:
  struct Object {
    std::uint64_t index, begin, size;
  };
  using Objects = std::vector<Object>;  // by index

  const Objects& collection(std::uint64_t address);
  Objects walk(std::uint64_t begin, std::uint64_t end) const;
  std::string bytes(std::uint64_t begin, std::uint64_t size) const;

  const File& file_;
  std::uint64_t base_, walked_ = 0;
  std::map<std::uint64_t, Objects> known_;
  std::uint64_t held_begin_ = 0;  // the last collection that was met, when it is small
  std::string held_;
};

}  // namespace tensorferry::hdf5
