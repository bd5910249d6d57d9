// Streams of elements that a conversion keeps count of.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "plan/cast.h"
#include "tensorferry/stream.h"

namespace tensorferry {

/// open_stream() of the whole tensor, whose casts are counted under `key` and whose bool bytes that
/// were neither 0 nor 1 in `bools`. Of a source that is not row-major it holds about `tile_bytes`.
std::unique_ptr<ByteStream> open_counting_stream(const Tensor& tensor, std::uint64_t key,
                                                 std::uint64_t tile_bytes, CastTallies& casts,
                                                 std::atomic<std::uint64_t>& bools);

}  // namespace tensorferry
