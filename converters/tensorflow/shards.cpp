#include "shards.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <tuple>

#include "sniff.h"

namespace tensorferry::tensorflow {
namespace {

struct Place {
  std::uint64_t shard = 0, offset = 0, length = 0;
  bool operator<(const Place& other) const {
    return std::tie(shard, offset, length) < std::tie(other.shard, other.offset, other.length);
  }
};

const FileRange& range_of(const Piece& piece) {
  const auto* strings = std::get_if<Strings>(&piece.origin);
  return strings ? (*strings)->place : std::get<FileRange>(piece.origin);
}

/// Where the first byte of a tensor lies. False: in no data file of `prefix`, which the first one
/// sets.
bool find_place(const Tensor& tensor, std::string& prefix, Place& place) {
  bool any = false;
  for (const Piece& piece : tensor.stored.pieces) {
    const FileRange& range = range_of(piece);
    if (!range.file) return false;
    const auto found = parse_shard_name(range.file->name());
    // What is empty needs no data file.
    if (!found && tensor.elements() == 0) continue;
    if (!found || !found->prefix.ends_with(".data")) return false;
    if (!prefix.empty() && found->prefix != prefix) return false;
    prefix = found->prefix;
    const Place here{found->number, range.offset, range.length};
    if (!any || here < place) place = here;
    any = true;
  }
  return true;
}

}  // namespace

std::optional<SourceOrder> source_order(const Manifest& manifest) {
  std::string prefix;
  std::vector<Place> places(manifest.tensors.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!find_place(manifest.tensors[i], prefix, places[i])) return std::nullopt;
  }
  SourceOrder order;
  order.tensors.resize(places.size());
  std::iota(order.tensors.begin(), order.tensors.end(), std::size_t{0});
  std::stable_sort(order.tensors.begin(), order.tensors.end(),
                   [&](std::size_t a, std::size_t b) { return places[a] < places[b]; });
  for (const Place& place : places) order.shard_of.push_back(place.shard);
  return order;
}

std::vector<std::uint64_t> cut_by_bytes(const std::vector<std::uint64_t>& sizes,
                                        std::uint64_t shards, std::uint64_t most) {
  std::uint64_t total = 0;
  for (const std::uint64_t size : sizes) total = checked_add(total, size);
  const std::uint64_t share = std::max<std::uint64_t>(total / shards + (total % shards != 0), 1);
  std::vector<std::uint64_t> result;
  std::uint64_t before = 0, in_shard = 0, shard = 0, part = 0;
  for (const std::uint64_t size : sizes) {
    // A tensor belongs to the part that its middle lies in.
    const std::uint64_t here = std::min((before + size / 2) / share, shards - 1);
    const bool full = most != 0 && in_shard != 0 && size > most - std::min(most, in_shard);
    if (!result.empty() && (here != part || full)) {
      ++shard;
      in_shard = 0;
    }
    part = here;
    result.push_back(shard);
    before += size;
    in_shard += size;
  }
  return result;
}

}  // namespace tensorferry::tensorflow
