#include "plan/work.h"

#include <algorithm>

#include "plan/checksums.h"
#include "plan/kernels.h"
#include "plan/tensor_source.h"
#include "util/in_order.h"

namespace tensorferry {
namespace {

// Above every cut_bytes(): 16-byte elements, or eight packed ones.
constexpr std::uint64_t kLargestUnit = 64;

/// The encoded bytes at whose multiples, from the start of the slot, a window may end.
std::uint64_t cut_bytes(const Tensor& tensor, const Slot& slot) {
  return encoded_bytes(tensor.dtype, slot.codec, cut_elements(tensor.stored.codec, slot.codec));
}

class Cutter {
 public:
  Cutter(const Layout& layout, const Manifest& manifest, std::uint64_t strided_bytes)
      : layout_(layout), manifest_(manifest), strided_bytes_(strided_bytes) {}

  void cut_file(std::size_t file, Work& work) const {
    const std::vector<Item>& items = work.items[file];
    const bool prepared = layout_.sink && file == 0;
    std::uint64_t end = prepared ? 0 : layout_.files[file].size;
    for (const Item& item : items) end = std::max(end, item.end());
    std::size_t first = 0;
    for (std::uint64_t at = prepared && !items.empty() ? items[0].offset : 0; at < end;) {
      while (first < items.size() && items[first].end() <= at) ++first;
      // Nothing lies in the gaps of a prepared file that is ours to write.
      if (prepared && first < items.size()) at = std::max(at, items[first].offset);
      const std::uint64_t stop = std::min(end, window_end(items, first, at));
      work.windows.push_back({file, at, stop, first});
      work.bytes += stop - at;
      ++work.windows_of_file[file];
      at = stop;
    }
    // An empty file exists, too.
    if (work.windows_of_file[file] == 0 && !prepared) {
      work.windows.push_back({file, 0, 0, 0});
      work.windows_of_file[file] = 1;
    }
  }

 private:
  bool strided(const Item& item) const {
    return item.slot && item.length > kWindowBytes &&
           is_strided(manifest_.tensors[layout_.slots[item.index].tensor]);
  }

  std::uint64_t window_end(const std::vector<Item>& items, std::size_t first,
                           std::uint64_t at) const {
    const bool in_strided =
        first < items.size() && items[first].offset <= at && strided(items[first]);
    const std::uint64_t span = in_strided ? strided_bytes_ : kWindowBytes;
    // A window that was cut a few bytes before a multiple does not end at that multiple again.
    const std::uint64_t stop = (at + kLargestUnit) / kWindowBytes * kWindowBytes + span;
    for (std::size_t i = first; i < items.size() && items[i].offset < stop; ++i) {
      if (items[i].offset > at && strided(items[i])) return items[i].offset;
      if (items[i].end() <= stop || !items[i].slot) continue;
      const Slot& slot = layout_.slots[items[i].index];
      const std::uint64_t unit = cut_bytes(manifest_.tensors[slot.tensor], slot);
      return items[i].offset + (stop - items[i].offset) / unit * unit;
    }
    return stop;
  }

  const Layout& layout_;
  const Manifest& manifest_;
  std::uint64_t strided_bytes_;
};

bool needs_verify_ahead(const Tensor& tensor) {
  return std::any_of(tensor.stored.pieces.begin(), tensor.stored.pieces.end(),
                     [&](const Piece& piece) {
                       return piece.checksum && !verified_while_moving(tensor.stored, piece);
                     });
}

}  // namespace

bool is_strided(const Tensor& tensor) {
  return std::any_of(tensor.stored.pieces.begin(), tensor.stored.pieces.end(),
                     [](const Piece& piece) { return !piece.byte_strides.empty(); });
}

Work cut(const Layout& layout, const Manifest& manifest, std::uint64_t strided_bytes) {
  Work work;
  work.items.resize(layout.files.size());
  work.windows_of_file.resize(layout.files.size());
  for (std::size_t i = 0; i < layout.segments.size(); ++i) {
    const Segment& segment = layout.segments[i];
    work.items[segment.file].push_back({segment.offset, segment.bytes.size(), i, false});
  }
  std::vector<std::ptrdiff_t> segments;
  for (const auto& items : work.items)
    segments.push_back(static_cast<std::ptrdiff_t>(items.size()));
  if (layout.files.size() == 1) work.items[0].reserve(layout.segments.size() + layout.slots.size());
  for (std::size_t i = 0; i < layout.slots.size(); ++i) {
    const Slot& slot = layout.slots[i];
    if (slot.fill != Slot::Fill::moved) continue;
    if (needs_verify_ahead(manifest.tensors[slot.tensor])) work.verify_ahead.push_back(slot.tensor);
    if (slot.length > 0) work.items[slot.file].push_back({slot.offset, slot.length, i, true});
  }
  const Cutter cutter(layout, manifest, strided_bytes);
  for (std::size_t file = 0; file < layout.files.size(); ++file) {
    auto& items = work.items[file];
    sort_runs(items.begin(), items.begin() + segments[file], items.end(),
              [](const Item& a, const Item& b) { return a.offset < b.offset; });
    cutter.cut_file(file, work);
  }
  return work;
}

}  // namespace tensorferry
