// What the library is shown in place of object headers that only newer releases read.
//
// Releases 1.12 and 2.0 raise the versions of datatypes (to 4 and 5) without another form, for all
// that is no reference or complex number, and 2.0 that of the layout of chunks (to 5). Release 1.10
// refuses those numbers. Types are decoded here (datatype_message.h), so the library is shown
// version 3, or opaque elements of the same size, and finds the elements.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "object_header.h"

namespace tensorferry::hdf5 {

struct HeaderPatch {
  /// Where the bytes lie in the file.
  std::uint64_t offset = 0;
  std::string bytes;
};

/// Replaces parts of an object header, whose messages and blocks these are, and of those of the
/// named types that it refers to; nothing where the library reads the header as it is. A block
/// whose checksum is wrong, or a type that cannot be read, stays as it is. Throws Error.
std::vector<HeaderPatch> patches_for_library(const File& file, std::uint64_t base,
                                             const std::vector<HeaderMessage>& messages,
                                             const std::vector<SealedBlock>& blocks);

}  // namespace tensorferry::hdf5
