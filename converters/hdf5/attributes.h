// Strings, and metadata, written into an open file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "library.h"
#include "tensorferry/manifest.h"

namespace tensorferry::hdf5 {

/// Attributes of a dataset or group, under exactly these names. To be called in a LibraryScope.
void write_attributes(hid_t object, const Attributes& attributes);

/// True when all of `texts` are UTF-8 without NUL: then text_type() can hold them, else
/// bytes_type() does.
bool are_texts(const std::vector<std::string>& texts);

/// All elements of an open dataset of text_type() (`as_text`) or bytes_type(). To be called in a
/// LibraryScope.
void write_strings(hid_t dataset, hid_t type, bool as_text, const std::vector<std::string>& texts);

}  // namespace tensorferry::hdf5
