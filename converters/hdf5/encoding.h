// How HDF5 holds each dtype, as dtypes.md's column HDF5 has it. Pure; datatypes.cpp has the bytes
// of the types.
#pragma once

#include <optional>

#include "tensorferry/format.h"

namespace tensorferry::hdf5 {

/// Nothing for variant, resource and unknown.
std::optional<Encoding> encoding_of(DType dtype);

}  // namespace tensorferry::hdf5
