// How HDF5 holds each dtype, as dtypes.md's column HDF5 has it. Pure; types.cpp makes the library's
// types from it.
#pragma once

#include <optional>

#include "tensorferry/format.h"

namespace tensorferry::hdf5 {

/// Nothing for variant, resource and unknown.
std::optional<Encoding> encoding_of(DType dtype);

}  // namespace tensorferry::hdf5
