#include "plan/digests.h"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "util/fields.h"

namespace tensorferry {
namespace {

/// The CRC that the source states of the slot's bytes and that reading compares; nothing when they
/// are not the source's bytes, or when it states none.
std::optional<std::uint32_t> stated_crc(const Slot& slot, const Tensor& tensor,
                                        Checksum::Kind kind) {
  const Stored& stored = tensor.stored;
  const DTypeInfo& row = info(tensor.dtype);
  const bool changed = stored_dtype(tensor) != tensor.dtype || slot.codec != Codec::plain ||
                       stored.codec != Codec::plain || row.kind == DTypeKind::boolean ||
                       (row.bits != 0 && row.bits < 8) ||
                       (row.component_bytes > 1 && stored.order != slot.order);
  if (changed || stored.pieces.size() != 1) return std::nullopt;
  const Piece& piece = stored.pieces[0];
  const bool whole = piece.start.empty() && piece.byte_strides.empty();
  if (!whole || !verified_while_moving(stored, piece) || piece.checksum->kind != kind)
    return std::nullopt;
  if (std::get<FileRange>(piece.origin).length != slot.length) return std::nullopt;
  std::uint32_t crc = 0;
  for (const char byte : piece.checksum->value) crc = crc << 8 | static_cast<unsigned char>(byte);
  return crc;
}

}  // namespace

Digests::Digests(Layout& layout, const Manifest& manifest)
    : layout_(layout),
      wanted_(layout.finish || std::any_of(layout.slots.begin(), layout.slots.end(),
                                           [](const Slot& slot) { return slot.crc_offset != 0; })) {
  if (!wanted_) return;
  values_.reserve(layout.slots.size());
  states_.reserve(layout.slots.size());
  for (const Slot& slot : layout.slots) {
    std::optional<std::uint32_t> stated;
    const bool moved = slot.fill == Slot::Fill::moved && slot.length > 0;
    if (moved) stated = stated_crc(slot, manifest.tensors[slot.tensor], layout.finish_crc);
    values_.push_back(stated
                          ? combined_crc(layout.finish_crc, slot.crc_of_front, *stated, slot.length)
                          : slot.crc_of_front);
    states_.push_back(stated || !moved ? State::known : State::open);
  }
}

std::vector<Segment*> Digests::finish() {
  const auto place_of = [](const Segment& segment) {
    return std::tuple(segment.file, segment.offset, segment.bytes.size());
  };
  std::vector<Segment*> late;
  std::vector<std::tuple<std::size_t, std::uint64_t, std::size_t>> places;
  for (Segment& segment : layout_.segments) {
    if (!segment.late) continue;
    late.push_back(&segment);
    places.push_back(place_of(segment));
  }
  layout_.finish(values_, layout_.segments);
  for (std::size_t i = 0; i < late.size(); ++i) {
    if (place_of(*late[i]) != places[i])
      throw Error(ErrorCode::internal, "layout", "a late segment changed its place or size");
  }
  return late;
}

void Digests::finish_early() {
  if (!layout_.finish || std::count(states_.begin(), states_.end(), State::open) > 0) return;
  for (Segment* segment : finish()) segment->late = false;
  finished_ = true;
}

void Digests::add(std::size_t slot, std::uint64_t from, std::span<const std::byte> bytes) {
  if (!wanted_ || states_[slot] != State::open) return;
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
    put_number(reinterpret_cast<char*>(buffer.data()) + (at - window.begin), values_[item.index],
               4);
    states_[item.index] = State::put;
  }
}

std::vector<Segment> Digests::late() {
  std::vector<Segment> segments;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const Slot& slot = layout_.slots[i];
    if (slot.crc_offset != 0 && states_[i] != State::put)
      segments.push_back({slot.file, slot.crc_offset, std::string(Fields<>().put(values_[i], 4))});
  }
  if (!layout_.finish || finished_) return segments;
  for (Segment* segment : finish()) segments.push_back(std::move(*segment));
  return segments;
}

}  // namespace tensorferry
