// What HDF5 does to the bytes of a chunk, undone. Pure; facts: the HDF5 File Format Specification
// 3.0, IV.A.2.l, and the sources of release 1.10 (H5Zdeflate.c, H5Zshuffle.c, H5Zfletcher32.c,
// H5checksum.c).
//
//   deflate     a zlib stream
//   shuffle     the first byte of every element, then the second of every element, ...; the bytes
//               behind the last whole element follow as they are
//   fletcher32  the bytes, then their checksum, 4 bytes little-endian
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tensorferry::hdf5 {

/// How many bytes one of deflate can stand for: it makes at most 258 of 2 bits.
inline constexpr std::uint64_t kMostInflation = 1032;

struct Filter {
  enum class Kind : std::uint8_t { deflate, shuffle, fletcher32 } kind;
  std::uint32_t element_bytes = 1;  ///< of shuffle
};

/// The chunk of `size` bytes that `stored` holds: undoes `filters` (in the order in which they were
/// applied), of which those with a bit in `skipped` were not. Allocates at most about `size` bytes
/// twice, and nothing when `stored` cannot be that much. Throws Error(corrupt).
std::vector<std::byte> unfiltered(std::vector<std::byte> stored, const std::vector<Filter>& filters,
                                  std::uint32_t skipped, std::size_t size);

/// The checksum of the filter fletcher32.
std::uint32_t fletcher32(std::span<const std::byte> bytes);

}  // namespace tensorferry::hdf5
