// What HDF5 does to the bytes of a chunk, undone. Pure; facts: the HDF5 File Format Specification
// 3.0, IV.A.2.l, and the sources of release 1.10 (H5Zdeflate.c, H5Zshuffle.c, H5Zfletcher32.c,
// H5checksum.c).
//
//   deflate     a zlib stream
//   shuffle     the first byte of every element, then the second of every element, ...; the bytes
//               behind the last whole element follow as they are
//   lzf         lzf.h
//   szip        szip.h
//   fletcher32  the bytes, then their checksum, 4 bytes little-endian
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tensorferry::hdf5 {

struct Filter {
  enum class Kind : std::uint8_t { deflate, shuffle, fletcher32, lzf, szip } kind;
  /// Of shuffle.
  std::uint32_t element_bytes = 1;
  /// Of szip: its options, and the bits of a pixel, the pixels of a block and of a line.
  struct Szip {
    std::uint32_t options = 0, block = 0, bits = 0, scanline = 0;
  } szip = {};
};

/// Whether the bytes that come out are fewer than those that went in.
constexpr bool compresses(Filter::Kind kind) {
  return kind == Filter::Kind::deflate || kind == Filter::Kind::lzf || kind == Filter::Kind::szip;
}

/// Whether they can be undone at all: their number, and the values of each. Throws Error.
void check_filters(const std::vector<Filter>& filters);

/// The chunk of `size` bytes that `stored` holds: undoes `filters` (in the order in which they were
/// applied), of which those with a bit in `skipped` were not. Allocates at most about `size` bytes
/// twice, and nothing when `stored` cannot be that much. Throws Error(corrupt).
std::vector<std::byte> unfiltered(std::vector<std::byte> stored, const std::vector<Filter>& filters,
                                  std::uint32_t skipped, std::size_t size);

/// The checksum of the filter fletcher32.
std::uint32_t fletcher32(std::span<const std::byte> bytes);

}  // namespace tensorferry::hdf5
