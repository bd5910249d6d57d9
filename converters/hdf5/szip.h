// The filter szip, where the build has its library (libaec). Facts: release 1.10, H5Zszip.c.
//
//   | bytes that come out: u32 | a stream of szip |
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "filters.h"

namespace tensorferry::hdf5 {

/// From the values that the filter keeps in the file. Throws Error(corrupt.filter) for values that
/// szip does not have, and Error(unsupported.filter) where the build is without it.
Filter szip_filter(std::span<const unsigned> values);

/// Throws as szip_filter does.
void check_szip(const Filter::Szip& szip);

/// What `stored` holds: at most `most` bytes. Throws Error(corrupt).
std::vector<std::byte> szip_decompressed(std::span<const std::byte> stored, const Filter& filter,
                                         std::size_t most);

}  // namespace tensorferry::hdf5
