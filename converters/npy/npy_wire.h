// The .npy container, as numpy 2.4 writes it (numpy/lib/_format_impl.py; compared byte for byte
// with numpy 2.4).
//
//   offset  bytes
//   0       93 'N' 'U' 'M' 'P' 'Y'
//   6       1 0                      version; 2 and 3 have a length of 4 bytes and are never needed
//   here 8       H, unsigned 16-bit little-endian 10      H bytes: {'descr': '<f4',
//   'fortran_order': False, 'shape': (2, 3), } blanks, one newline 10+H    the elements, row-major
//
// Behind the dictionary come 21 - digits(first extent) blanks (numpy's room to append along that
// dimension; none for a scalar), then blanks so that 10+H is a multiple of 64: 1 to 64 of blanks
// and newline, so an aligned text gets a whole row more.
#pragma once

#include <string>
#include <string_view>

#include "tensorferry/dtype.h"

namespace tensorferry {

inline constexpr std::string_view npy_magic = "\x93NUMPY";
/// numpy's NPY_MAXDIMS.
inline constexpr std::size_t npy_max_rank = 64;

/// The descr under which numpy sees the elements of a logical dtype; empty for types without a
/// fixed size. Types that numpy lacks are those of other-width integers or plain bytes: bfloat16 is
/// `<V2`, as np.save writes it.
std::string_view npy_descr(DType dtype);

/// Everything in front of the elements. The shape has a rank of at most npy_max_rank.
std::string npy_header(std::string_view descr, const Shape& shape);

}  // namespace tensorferry
