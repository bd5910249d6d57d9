// The library's types as dtypes: the inverse of types.cpp, and the conventions of others.
#pragma once

#include <optional>
#include <string>

#include "library.h"
#include "tensorferry/format.h"

namespace tensorferry::hdf5 {

struct StoredType {
  enum class Form : std::uint8_t {
    elements,    ///< of a fixed size, as dtype and order say
    opaque,      ///< bytes without a meaning: dtype is unknown
    fixed_text,  ///< each element a string in `bytes` bytes
    rows,        ///< each element a string of any length, in a heap
  } form = Form::elements;
  DType dtype = DType::unknown;
  bool big_endian = false;
  std::uint64_t bytes = 0;               ///< of an element in the file
  H5T_str_t padding = H5T_STR_NULLTERM;  ///< of fixed_text
};

/// Exact known layouts only. Throws Error(unsupported.dtype) that names any other. To be called in
/// a ReadScope.
StoredType stored_type(hid_t type);

}  // namespace tensorferry::hdf5
