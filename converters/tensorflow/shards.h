// Which data file the tensors of a checkpoint lie in, and in which order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

/// Where a manifest's tensors lie in the one checkpoint that they all come from.
struct SourceOrder {
  std::vector<std::size_t> tensors;     ///< indices, by shard and offset
  std::vector<std::uint64_t> shard_of;  ///< of each tensor, by index
};

/// Nothing unless all tensors lie in data files of one checkpoint. Slices: where the first one
/// lies.
std::optional<SourceOrder> source_order(const Manifest& manifest);

/// The shard of each of these, in order: about equal parts, `shards` at most, none above `most`
/// bytes (0 = no such limit) unless one alone is.
std::vector<std::uint64_t> cut_by_bytes(const std::vector<std::uint64_t>& sizes,
                                        std::uint64_t shards, std::uint64_t most);

}  // namespace tensorferry::tensorflow
