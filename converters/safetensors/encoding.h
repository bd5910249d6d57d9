// How safetensors holds each dtype, as the README has it.
#pragma once

#include <optional>

#include "tensorferry/format.h"

namespace tensorferry::safetensors {

/// Nothing for variant, resource and unknown.
std::optional<Encoding> encoding_of(DType dtype);
/// The same of one tensor: two float4 share a byte, so an odd number of them is carried instead.
std::optional<Encoding> encoding_of(const Tensor& tensor);

}  // namespace tensorferry::safetensors
