// Datatype messages (HDF5 File Format Specification 3.0, section IV.A.2.d), as the library (1.10)
// writes them for its oldest format:
//
// clang-format off
//   | class | version << 4: u8 | bits of the class: u24 | bytes of an element: u32 | properties |
//
//   class         bits                        properties
//   integer 0     8: signed                   | first bit: u16 | bits: u16 |
//   float 1       0x20: the leading one is    | first bit: u16 | bits: u16 | exponent's place: u8
//                 left out; from bit 8 on:    | its bits: u8 | mantissa's place: u8 | its bits: u8
//                 place of the sign, u8       | bias: u32 |
//   compound 6    members                     of each: | name, padded to 8 bytes | offset: u32
//                                             | 28 x 0 | type |
//   enum 8        members                     | type | names, each padded to 8 bytes | values |
//   variable 9    1: text, 0x100: UTF-8       | type of the parts |
// clang-format on
//
// Integers and floats are little-endian.
#pragma once

#include <string_view>

#include "tensorferry/dtype.h"

namespace tensorferry::hdf5 {

/// Of a fixed-size dtype that Encoding::dtype can name (README.md has the table).
std::string_view element_datatype(DType dtype);
/// Variable-length strings, UTF-8, NUL-terminated.
std::string_view text_datatype();
/// Variable-length rows of bytes: for strings that are not UTF-8, or hold NUL.
std::string_view bytes_datatype();

}  // namespace tensorferry::hdf5
