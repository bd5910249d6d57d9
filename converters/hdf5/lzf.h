// LZF, the compression of LibLZF that h5py calls "lzf". Pure; facts: the comments of LibLZF's
// lzf_c.c and lzf_d.c. A stream is a row of
//
//   | 000nnnnn |                          n + 1 bytes follow as they are
//   | lllooooo | oooooooo |               l + 2 bytes again from o + 1 bytes before, l = 1..6
//   | 111ooooo | llllllll | oooooooo |    the same, l + 9 bytes
//
// where o has its upper five bits in front, and a copy may reach into what it writes.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace tensorferry::hdf5 {

/// How many bytes one of LZF can stand for, rounded up: 264 take three.
inline constexpr std::size_t kMostLzf = 88;

/// What `stream` holds. Throws Error(corrupt.lzf) for a stream that is malformed, and
/// Error(corrupt.size) where it holds more than `most` bytes.
std::vector<std::byte> lzf_decompressed(std::span<const std::byte> stream, std::size_t most);

}  // namespace tensorferry::hdf5
