// Dtypes that a format has no type for: carried as another type, tagged, and restored.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tensorferry/format.h"
#include "tensorferry/manifest.h"

namespace tensorferry {

/// What a tag says of a tensor: the dtype it really has, how it is carried, and its own shape.
struct Carried {
  DType dtype = DType::unknown;
  Carrier carrier = Carrier::native;
  Shape shape;
};

/// How formats that have plain integers and nothing like them hold quantized and sub-byte integers;
/// nothing for other dtypes.
std::optional<Encoding> integer_carrier(DType dtype);

/// Undoes to_string(Carrier); nothing for any other word.
std::optional<Carrier> carrier_from_text(std::string_view text);

/// The extents that the format is told: with last2 and last16 one more, innermost dimension.
Shape carried_shape(Carrier carrier, const Shape& shape);
/// How many those are.
std::size_t carried_rank(Carrier carrier, const Shape& shape);

/// Turns `tensor`, described as the format's own type and shape say, into the tensor that the tag
/// means; no byte is touched. Where type or shape do not fit the tag the tensor stays as it is, and
/// the result says why; empty = done. Pairs of strings are joined by join_strings instead.
std::string restore_carried(Tensor& tensor, const Carried& tag);

}  // namespace tensorferry
