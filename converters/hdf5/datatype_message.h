// Datatype messages, read (HDF5 File Format Specification 3.0, IV.A.2.d, and the sources of release
// 2.0: H5Odtype.c). Types are decoded here and not by the library, so that they do not depend on
// its release. datatypes.h has the parts of versions 1 and 2 that are written.
//
// clang-format off
//   | class | version << 4: u8 | bits of the class: u24 | bytes of an element: u32 | properties |
//
//   integer 0    bit 0: big-endian, bit 3: signed   | first bit: u16 | bits: u16 |
//   float 1      bits 0 and 6: order, 4 and 5: the leading one, from bit 8 on: place of the sign
//                | first bit: u16 | bits: u16 | exponent's place: u8 | its bits: u8
//                | mantissa's place: u8 | its bits: u8 | bias: u32 |
//   time 2       | bits: u16 |
//   text 3       bits 0..3: padding, 4..7: charset
//   bits 4       bit 0: big-endian                  | first bit: u16 | bits: u16 |
//   opaque 5     bits 0..7: bytes of the tag        | tag |
//   compound 6   bits 0..15: members                of each:
//                versions 1 and 2: | name, padded to 8 bytes | offset: u32
//                version 1:        | extents: u8 | 11 bytes | 4 extents, u32 |
//                from 3 on:        | name | NUL | offset, in as few bytes as the size takes |
//                                  | type |
//   reference 7
//   enum 8       bits 0..15: members                | type | names, as above | values |
//   variable 9   bits 0..3: 1: text                 | type of the parts |
//   array 10     version 2: | extents: u8 | 3 bytes | each extent: u32 | for each 4 bytes | type |
//                from 3 on: | extents: u8 | each extent: u32 | type |
//   complex 11   version 5; bit 0: both parts of one type, bits 1 and 2: 0: real and imaginary
//                                                   | type of a part |
//
//   releases and versions: 1.4: 2, 1.8: 3 ("v108"), 1.12: 4 ("v112"), 2.0: 5 ("v200")
// clang-format on
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/dtype.h"

namespace tensorferry::hdf5 {

struct Datatype {
  enum class Class : std::uint8_t {
    integer,
    real,
    time,
    text,
    bits,
    opaque,
    compound,
    reference,
    enumeration,
    variable,
    array,
    complex,
  };
  struct Member {
    std::string name;
    /// Of compounds: where it begins.
    std::uint64_t offset = 0;
    /// Of enums: as many bytes as the type of the values has.
    std::string value;
  };

  Class kind = Class::opaque;
  unsigned version = 1;
  std::uint32_t flags = 0;
  /// Of an element in the file.
  std::uint64_t bytes = 0;
  /// Where the message begins in the outermost one, and where it ends.
  std::size_t begin = 0, end = 0;
  /// Of numbers, bit fields and times.
  unsigned first_bit = 0, precision = 0;
  /// Of floats, in bits.
  unsigned exponent = 0, exponent_bits = 0, mantissa = 0, mantissa_bits = 0, bias = 0;
  /// Of opaque elements.
  std::string tag;
  std::vector<Member> members;
  /// Of arrays.
  Shape extents;
  /// The types of a compound's members; else the one that the type is made of, if any.
  std::vector<Datatype> parts;

  bool is_text_of_any_length() const { return kind == Class::variable && (flags & 0xf) == 1; }
  /// Whether elements lie outside of the dataset, or some part of them.
  bool has_references() const;
};

/// The type that `message` begins with. Throws Error(corrupt.hdf5_header), or
/// Error(unsupported.hdf5_version) for a version or a class that is not known.
Datatype parse_datatype(std::string_view message);

}  // namespace tensorferry::hdf5
