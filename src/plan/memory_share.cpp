#include "plan/memory_share.h"

#include <algorithm>
#include <string>
#include <thread>

#include "tensorferry/error.h"

namespace tensorferry {
namespace {

constexpr std::uint64_t kStreamExtra = 1u << 20;  // what is cast or gathered beside its tile

}  // namespace

unsigned wanted_threads(unsigned asked) {
  return asked != 0 ? asked : std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
}

std::uint64_t stream_tile(std::uint64_t limit) {
  return std::clamp((limit - kThreadBytes) / 2, kWindowBytes, kLargestTile);
}

std::uint64_t stream_bytes(const Manifest& manifest, const Layout& layout, std::uint64_t limit) {
  const bool strided = std::any_of(layout.slots.begin(), layout.slots.end(), [&](const Slot& slot) {
    return slot.fill == Slot::Fill::sink && is_strided(manifest.tensors[slot.tensor]);
  });
  return (strided ? stream_tile(limit) : kWindowBytes) + kStreamExtra;
}

std::uint64_t buffer_bytes(const Manifest& manifest, const Layout& layout,
                           const RunOptions& options) {
  const std::uint64_t limit = options.memory_limit;
  if (limit < kThreadBytes) {
    throw Error(
        ErrorCode::usage, "memory_limit",
        "a conversion needs at least " + std::to_string(kThreadBytes) + " bytes of buffers");
  }
  std::uint64_t sink = 0;
  if (layout.sink) {
    sink = stream_bytes(manifest, layout, limit);
    sink += layout.sink->buffer_bytes(wanted_threads(options.threads), limit - sink);
  }
  const std::uint64_t threads =
      std::min<std::uint64_t>(wanted_threads(options.threads), limit / kThreadBytes);
  const bool tiles = std::any_of(layout.slots.begin(), layout.slots.end(), [&](const Slot& slot) {
    return slot.length > kWindowBytes && is_tileable(manifest.tensors[slot.tensor]);
  });
  // The sink is done before the first window.
  return std::max(
      sink, tiles ? std::min(limit, std::min(kTiles, threads * kLargestTile) + threads * kTileExtra)
                  : threads * kThreadBytes);
}

}  // namespace tensorferry
