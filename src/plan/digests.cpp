#include "plan/digests.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace tensorferry {
namespace {

std::string little_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift & 255);
  return bytes;
}

}  // namespace

Digests::Digests(const Layout& layout)
    : layout_(layout),
      wanted_(layout.finish || std::any_of(layout.slots.begin(), layout.slots.end(),
                                           [](const Slot& slot) { return slot.crc_offset != 0; })) {
  if (!wanted_) return;
  put_.resize(layout.slots.size());
  values_.reserve(layout.slots.size());
  for (const Slot& slot : layout.slots)
    values_.push_back(slot.fill == Slot::Fill::moved ? slot.crc_of_front : 0);
}

void Digests::add(std::size_t slot, std::uint64_t from, std::span<const std::byte> bytes) {
  if (!wanted_) return;
  const Slot& place = layout_.slots[slot];
  const Checksum::Kind kind = layout_.finish_crc;
  if (bytes.size() == place.length) {
    values_[slot] = crc_of(kind, place.crc_of_front, bytes);
    return;
  }
  const auto own = parts_.add(kind, slot, place.length, from, bytes);
  if (own) values_[slot] = combined_crc(kind, place.crc_of_front, *own, place.length);
}

void Digests::put(const Window& window, std::span<const Item> items, std::span<std::byte> buffer) {
  if (!wanted_) return;
  for (const Item& item : items) {
    if (!item.slot || item.offset < window.begin || item.end() > window.end) continue;
    const std::uint64_t at = layout_.slots[item.index].crc_offset;
    if (at == 0 || at < window.begin || at + 4 > window.end) continue;
    const std::string crc = little_endian(values_[item.index]);
    std::memcpy(buffer.data() + (at - window.begin), crc.data(), crc.size());
    put_[item.index] = 1;
  }
}

std::vector<Segment> Digests::late() {
  std::vector<Segment> segments;
  if (!wanted_) return segments;
  for (std::size_t i = 0; i < put_.size(); ++i) {
    const Slot& slot = layout_.slots[i];
    if (slot.crc_offset != 0 && put_[i] == 0)
      segments.push_back({slot.file, slot.crc_offset, little_endian(values_[i])});
  }
  if (!layout_.finish) return segments;
  for (Segment& segment : layout_.finish(values_)) segments.push_back(std::move(segment));
  return segments;
}

}  // namespace tensorferry
