// numpy's descr of element types: how ours are written, and what the words in files mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tensorferry/dtype.h"
#include "tensorferry/format.h"

namespace tensorferry {

/// The descr under which numpy sees the elements of a logical dtype; empty for types without a
/// fixed size. Types that numpy lacks are those of other-width integers or plain bytes: bfloat16 is
/// `<V2`, as np.save writes it.
std::string_view npy_descr(DType dtype);

/// How a writer of .npy holds `dtype`; nothing = it cannot.
std::optional<Encoding> npy_encoding(DType dtype);

/// What a descr says.
struct NpyType {
  enum class Kind : std::uint8_t {
    number,     ///< dtype and order say it all
    text,       ///< `Sn`: width bytes, padded with NUL
    wide_text,  ///< `Un`: width / 4 code points of 32 bits, padded with NUL
    opaque,     ///< `Vn`: width bytes that say nothing
  } kind = Kind::number;
  DType dtype = DType::unknown;
  bool big_endian = false;
  std::uint64_t width = 0;  ///< bytes of an element
};

/// A descr as np.dtype() reads it: `<f4`, `f4`, `|S10`, `float32`, `d`. Also the
/// names under which ml_dtypes registers its types with numpy, such as `bfloat16`. Throws
/// Error(unsupported.pickle) for objects, Error(unsupported.dtype) for what has no place here
/// (`M8`, records) or depends on the machine that wrote it (`l`).
NpyType parse_npy_descr(std::string_view descr);

/// Throws Error(unsupported.dtype) or Error(unsupported.rank) with all tensors that no array of
/// numpy can hold. `format`: what was to hold them.
void refuse_for_numpy(const Manifest& manifest, std::string_view format);

}  // namespace tensorferry
