// Casts of ordinary numbers with the processor's help.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensorferry/dtype.h"

namespace tensorferry {

inline constexpr std::size_t kCastBlock = 1024;

/// What a cast did to one block.
struct BlockTally {
  std::uint64_t changed = 0;
  std::size_t first = 0;  ///< in the block, when there is one
  double absolute = 0;
  double relative = 0;  ///< 0 when it is surely not above `known_relative`
};

/// Casts kCastBlock elements exactly as the portable way does. False: the block has NaN, infinities
/// or what the new dtype cannot hold, and `out` is undefined.
using BlockCast = bool (*)(const std::byte* in, std::byte* out, double known_relative,
                           BlockTally& tally);

/// For this processor and the floating-point environment of this thread; null when there is none.
BlockCast block_cast(DType from, DType to);

}  // namespace tensorferry
