// The types of a file as dtypes: the inverse of datatypes.cpp, and the conventions of others. Pure.
#pragma once

#include <string>

#include "datatype_message.h"
#include "fixed_text.h"

namespace tensorferry::hdf5 {

struct StoredType {
  enum class Form : std::uint8_t {
    /// Of a fixed size, as dtype and order say.
    elements,
    /// Bytes without a meaning: dtype is unknown.
    opaque,
    /// Each element a string in `bytes` bytes.
    fixed_text,
    /// Each element a string of any length, in a heap.
    rows,
  } form = Form::elements;
  DType dtype = DType::unknown;
  bool big_endian = false;
  /// Of one element of the tensor in the file.
  std::uint64_t bytes = 0;
  /// Of arrays: the dimensions that follow those of the dataset.
  Shape extents;
  /// Of fixed_text.
  TextPadding padding = TextPadding::terminated;
  /// Of rows: a string ends before its first NUL.
  bool ends_at_nul = false;
  /// What opaque elements are called.
  std::string tag;
  /// Of enumerations that are not bool: the names of values, as a JSON object. Else empty.
  std::string names;
};

/// Exact known layouts only. Throws Error(unsupported.dtype) that names any other.
StoredType stored_type(const Datatype& type);

/// Whether it is an enumeration of bytes whose names are FALSE = 0 and TRUE = 1.
bool is_bool(const Datatype& type);

}  // namespace tensorferry::hdf5
