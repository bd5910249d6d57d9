// How the buffers of a run share what the memory limit allows.
#pragma once

#include <cstdint>

#include "plan/work.h"
#include "tensorferry/convert.h"
#include "tensorferry/layout.h"
#include "tensorferry/manifest.h"

namespace tensorferry {

// All threads' tiles; longer runs than those of the largest one gain little.
inline constexpr std::uint64_t kTiles = 26u << 20, kLargestTile = 16u << 20;
/// Of a thread, with what is read ahead or cast.
inline constexpr std::uint64_t kThreadBytes = 4 * kWindowBytes;
/// A thread's other buffers beside a tile.
inline constexpr std::uint64_t kTileExtra = 6u << 20;

/// The threads that were asked for; 0 = as many as there are processors, at most 4.
unsigned wanted_threads(unsigned asked);

/// Of a stream that is not row-major and feeds a sink: as large as leaves the sink 2 MiB.
std::uint64_t stream_tile(std::uint64_t limit);

/// Of the streams that feed the layout's sink, which gets the rest of the limit.
std::uint64_t stream_bytes(const Manifest& manifest, const Layout& layout, std::uint64_t limit);

/// Bytes of the buffers that move_all() will take at most. Throws Error(usage.memory_limit) where
/// the limit is too low: to be asked before anything is written.
std::uint64_t buffer_bytes(const Manifest& manifest, const Layout& layout,
                           const RunOptions& options);

}  // namespace tensorferry
