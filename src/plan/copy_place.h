// Where in a buffer a window is made, so that the kernel copies to and from it fast.
#pragma once

#include <cstddef>
#include <span>

#include "plan/work.h"

namespace tensorferry {

/// Bytes that a buffer has to have beyond its window.
inline constexpr std::size_t kCopyPlaces = 128;

/// How many bytes behind `to` to put what is read from `offset` of a file: 0, or else 64. What
/// comes to lie 1 to 31 bytes further in a page of memory than in its page of the source is copied
/// slowly: the string instructions of AMD's processors since Zen 3 take three times as long
/// (measured on Zen 4 as 0.41 s for 1 GiB against 0.14).
std::size_t read_shift(const std::byte* to, std::uint64_t offset);

/// How many bytes into `buffer`, which begins at a cache line, to make the window; less than
/// kCopyPlaces. Every byte then lies in its cache line as it will in its page of the output, and
/// what is read from one large place by read_shift().
std::size_t copy_place(const Layout& layout, const Manifest& manifest, const Window& window,
                       std::span<const Item> items, const std::byte* buffer);

}  // namespace tensorferry
