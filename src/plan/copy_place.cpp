#include "plan/copy_place.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace tensorferry {
namespace {

constexpr std::uint64_t kLine = 64, kPage = 4096, kSlow = 32;
constexpr std::uint64_t kLarge = 64u << 10;  // the rest is not worth a look

/// Where in its file that part of a slot is read from, if the slot is a copy of a range of it.
std::optional<std::uint64_t> place_in_source(const Tensor& tensor, const Slot& slot,
                                             std::uint64_t from) {
  const auto& pieces = tensor.stored.pieces;
  if (pieces.size() != 1 || !pieces[0].byte_strides.empty()) return std::nullopt;
  const auto* range = std::get_if<FileRange>(&pieces[0].origin);
  if (!range || range->length != slot.length) return std::nullopt;
  return range->offset + from;
}

}  // namespace

std::size_t read_shift(const std::byte* to, std::uint64_t offset) {
  const std::uint64_t further = (reinterpret_cast<std::uintptr_t>(to) - offset) % kPage;
  return further == 0 || further >= kSlow ? 0 : kLine;
}

std::size_t copy_place(const Layout& layout, const Manifest& manifest, const Window& window,
                       std::span<const Item> items, const std::byte* buffer) {
  const std::size_t place = window.begin % kLine;
  for (const Item& item : items) {
    const std::uint64_t begin = std::max(window.begin, item.offset);
    if (!item.slot || std::min(window.end, item.end()) < begin + kLarge) continue;
    const Slot& slot = layout.slots[item.index];
    const auto read = place_in_source(manifest.tensors[slot.tensor], slot, begin - item.offset);
    if (!read) continue;
    return place + read_shift(buffer + place + (begin - window.begin), *read);
  }
  return place;
}

}  // namespace tensorferry
