// The checksum of HDF5's newer structures, and the hash of the names of links.
#pragma once

#include <cstdint>
#include <string_view>

namespace tensorferry::hdf5 {

/// Bob Jenkins's lookup3 (burtleburtle.net/bob/c/lookup3.c, hashlittle with the initial value 0).
std::uint32_t lookup3(std::string_view bytes);

}  // namespace tensorferry::hdf5
