// Casts between the floating-point dtypes that weights come in, many elements at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "plan/cast.h"

namespace tensorferry {

/// Casts `in` to `out` as the exact path does, bit for bit, many elements at a time. False where a
/// value does not fit: then the exact path must do all of it again. Adds to `tally` only when true;
/// relative errors below the one in it are not looked for. `first` is the index of the first
/// element.
using FastCast = bool (*)(std::span<const std::byte> in, std::span<std::byte> out,
                          std::uint64_t first, CastTally& tally);

struct CastVersion {
  std::string_view name;  ///< of what it needs of the processor
  FastCast cast;
};

/// Those that this processor can run, the fastest first; none for other pairs.
std::span<const CastVersion> fast_casts(DType from, DType to);

}  // namespace tensorferry
