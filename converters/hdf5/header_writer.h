// Object headers, written (HDF5 File Format Specification 3.0, sections IV.A.1.a and IV.A.2). The
// header and its attributes are drawn in object_header.h; this is version 1, in one block, and
// every message is padded to 8 bytes.
//
// clang-format off
//   dataspace       | 1: u8 | rank: u8 | 6 x 0 | extents, each u64 |
//   type            datatypes.h
//   fill value      | 2: u8 | allocated: u8 | written: u8 | 1: u8 | 0: u32 |
//   filters         | 1: u8 | filters: u8 | 6 x 0 |, and of each:
//                   | number: u16 | bytes of its name: u16 | 1: u16, may be left out of a chunk
//                   | values: u16 | name | values, each u32 | padding to 8 bytes |
//   layout          contiguous: | 3: u8 | 1: u8 | address: u64 | bytes: u64 |
//                   in chunks:  | 3: u8 | 2: u8 | extents: u8 | address of a tree: u64
//                               | extents of a chunk and bytes of an element, each u32 |
//   link info       | 0: u8 | 0: u8 | address of a heap: u64 | address of a tree: u64 |
//   group info      | 0: u8 | 0: u8 |
//   link            | 1: u8 | 0x10 and the width of the length: u8 | UTF-8, 1: u8 |
//                   | bytes of the name | name | address: u64 |
//   attribute       version 3
// clang-format on
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "tensorferry/dtype.h"

namespace tensorferry::hdf5 {

/// When a dataset gets its place, and what stands there until elements are written.
enum class Allocation : std::uint8_t { early_unfilled, late_filled, by_chunk };

/// An address where there is nothing.
inline constexpr std::uint64_t kNowhere = ~std::uint64_t{0};

inline constexpr std::size_t kMaxRank = 32;  // H5S_MAX_RANK

/// Adds zeros until the size is a multiple of 8.
void pad(std::string& out);

/// Builds a header at the end of `out`, whose first byte is the file's.
class HeaderWriter {
 public:
  explicit HeaderWriter(std::string& out);

  /// Returns the address of the header. Throws Error(internal) where its sizes do not fit, as what
  /// adds to it does.
  std::uint64_t finish();

  void add_space(const Shape& shape);
  void add_type(std::string_view type);
  /// Nobody has set the value to be filled in: 0.
  void add_fill(Allocation allocation);
  /// Returns where the address stands, kNowhere until it is set.
  std::uint64_t add_contiguous(std::uint64_t bytes);
  /// Shuffle, for elements of more than 0 bytes, and gzip.
  void add_filters(std::uint64_t shuffled_bytes, unsigned gzip_level);
  void add_chunks(const Shape& chunk, std::uint64_t element_bytes, std::uint64_t tree);
  void add_link(std::string_view name, std::uint64_t address);
  void add_link_info(std::uint64_t heap, std::uint64_t tree);
  /// A scalar. `type` and `element` as they are stored.
  void add_attribute(std::string_view name, std::string_view type, std::string_view element);

 private:
  /// Appends a message; `data` are parts of it. Returns where it begins.
  std::uint64_t add(unsigned type, unsigned flags, std::initializer_list<std::string_view> data);

  std::string& out_;
  std::size_t begin_;
  unsigned messages_ = 0;
};

/// Appends a link to the object at `address`.
void append_link(std::string& out, std::string_view name, std::uint64_t address);
/// Bytes that it takes.
std::uint64_t link_size(std::string_view name);

}  // namespace tensorferry::hdf5
