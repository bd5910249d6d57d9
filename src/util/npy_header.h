// The header of .npy files, as numpy 2.4 writes it (numpy/lib/_format_impl.py; compared byte for
// byte with numpy 2.4) and as np.load accepts it.
//
//   offset  bytes
//   0       93 'N' 'U' 'M' 'P' 'Y'
//   6       major, minor             1 0, 2 0 or 3 0; written is always 1 0
//   8       H                        length, little-endian: 16 bits in version 1, 32 bits in 2 and
//   3 10, 12  H bytes                  {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
//   blanks, one newline;
//                                    in latin-1, in version 3 UTF-8
//   10+H    the elements, row-major, or column-major with fortran_order
//
// Written: behind the dictionary come 21 - digits(first extent) blanks (numpy's room to append
// along that dimension; none for a scalar), then blanks so that 10+H is a multiple of 64: 1 to 64
// of blanks and newline, so an aligned text gets a whole row more. Read: any Python literal of
// these three keys; a key that stands twice counts as it stands last.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tensorferry/dtype.h"
#include "tensorferry/input.h"

namespace tensorferry {

inline constexpr std::string_view npy_magic = "\x93NUMPY";
/// numpy's NPY_MAXDIMS.
inline constexpr std::size_t npy_max_rank = 64;
/// The most that a header may take when it is read.
inline constexpr std::uint64_t npy_max_header = std::uint64_t{1} << 20;

/// Everything in front of the elements. The shape has a rank of at most npy_max_rank.
std::string npy_header(std::string_view descr, const Shape& shape);
void append_npy_header(std::string& out, std::string_view descr, const Shape& shape);

struct NpyHeader {
  std::string bytes;    ///< all of them: the elements begin behind these
  std::string descr;    ///< when it is text
  bool record = false;  ///< the descr is a list or tuple
  bool column_major = false;
  Shape shape;
  bool key_twice = false;
};

/// The header of the array that begins at `offset` and may take `length` bytes. Throws
/// Error(corrupt), Error(unsupported.npy_version), Error(unsafe.limit) above npy_max_header.
NpyHeader read_npy_header(const File& file, std::uint64_t offset, std::uint64_t length);

}  // namespace tensorferry
