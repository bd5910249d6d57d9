// Where elements and chunks begin.
#pragma once

#include <cstdint>

namespace tensorferry::hdf5 {

/// At or shortly behind `end`. From 64 KiB on that is a page, which costs 6 % at most, lets tools
/// map and clone tensors, and is several times as fast to write behind other bytes.
inline std::uint64_t place_behind(std::uint64_t end, std::uint64_t bytes) {
  constexpr std::uint64_t kLarge = 64 * 1024, kPage = 4096, kSmallAlignment = 8;
  const std::uint64_t alignment = bytes >= kLarge ? kPage : kSmallAlignment;
  return end + (alignment - end % alignment) % alignment;
}

}  // namespace tensorferry::hdf5
