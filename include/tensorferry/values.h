// Numbers from the bits of elements.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensorferry/dtype.h"
#include "tensorferry/export.h"

namespace TENSORFERRY_API tensorferry {

/// An unsigned number of `count` bytes, at most 8, the lowest first.
std::uint64_t little_endian(const std::byte* bytes, std::size_t count);

/// The value of one code of a real type of at most 16 bits, exactly. Every NaN is the quiet one.
float decode_small_float(DType dtype, unsigned code);

/// The value of an x87 extended number, 10 bytes; exact where long double is as wide. Encodings
/// that the processor calls invalid are NaN.
long double decode_longdouble(const std::byte* bytes);

}  // namespace tensorferry
