// The library's types for our dtypes. Facts: tried with HDF5 1.10.8, 1.14.6 and 2.0.0 (README.md).
#pragma once

#include "library.h"
#include "tensorferry/dtype.h"

namespace tensorferry::hdf5 {

/// The file type of a fixed-size dtype that Encoding::dtype can name. Little-endian. To be called
/// in a LibraryScope.
Handle element_type(DType dtype);

/// Variable-length strings, UTF-8, NUL-terminated.
Handle text_type();

/// Variable-length rows of bytes: for strings that are not UTF-8, or hold NUL.
Handle bytes_type();

}  // namespace tensorferry::hdf5
