#include "plan/work.h"

#include <algorithm>

#include "plan/checksums.h"
#include "plan/kernels.h"
#include "plan/tiles.h"
#include "util/in_order.h"

namespace tensorferry {
namespace {

// Above every cut_bytes(): 16-byte elements, or eight packed ones.
constexpr std::uint64_t kLargestUnit = 64;

/// The encoded bytes at whose multiples, from the start of the slot, a window may end.
std::uint64_t cut_bytes(const Tensor& tensor, const Slot& slot) {
  return encoded_bytes(tensor.dtype, slot.codec, cut_elements(tensor.stored.codec, slot.codec));
}

bool needs_verify_ahead(const Tensor& tensor) {
  return std::any_of(tensor.stored.pieces.begin(), tensor.stored.pieces.end(),
                     [&](const Piece& piece) {
                       return piece.checksum && !verified_while_moving(tensor.stored, piece);
                     });
}

/// Whether those tiles read each byte that the tensor's CRC is of, and each of them once.
bool verified_by_tiles(const Tensor& tensor, const Shape& tile) {
  const Piece& piece = tensor.stored.pieces[0];
  if (tensor.stored.pieces.size() != 1 || !has_crc(tensor.stored, piece)) return false;
  const std::uint32_t element = info(stored_dtype(tensor)).bytes;
  return std::get<FileRange>(piece.origin).length ==
             checked_multiply(element_count(tensor.shape), element) &&
         are_ranges(tensor.shape, piece.byte_strides, element, tile);
}

class Cutter {
 public:
  Cutter(const Layout& layout, const Manifest& manifest, std::uint64_t window_bytes,
         std::uint64_t tile_bytes)
      : layout_(layout),
        manifest_(manifest),
        window_bytes_(window_bytes),
        tile_bytes_(tile_bytes) {}

  /// Up to `end`.
  void cut_file(std::size_t file, std::uint64_t end, Work& work) const {
    const std::span<const Item> items = work.items_of(file);
    std::size_t first = 0;
    for (std::uint64_t at = 0; at < end;) {
      while (first < items.size() && items[first].end() <= at) ++first;
      if (const std::size_t same = tiled_here(items, first, at)) {
        for (std::size_t i = first; i < first + same; ++i) cut_tiles(file, items[i], i, work);
        at = items[first].end();
        continue;
      }
      const std::uint64_t stop = std::min(end, window_end(items, first, at));
      work.windows.push_back({file, at, stop, first, 0, 0});
      work.bytes += stop - at;
      ++work.windows_left[file];
      at = stop;
    }
    // An empty file exists, too.
    if (work.windows_left[file] == 0) {
      work.windows.push_back({file, 0, 0, 0, 0, 0});
      work.windows_left[file] = 1;
    }
  }

 private:
  const Tensor& tensor_of(const Item& item) const {
    return manifest_.tensors[layout_.slots[item.index].tensor];
  }

  bool tiled(const Item& item) const {
    return item.slot && item.length > kWindowBytes &&
           layout_.slots[item.index].codec != Codec::packed && is_tileable(tensor_of(item));
  }

  /// How many items begin at `at`, if all of them are to be tiled: tensors may share their place.
  std::size_t tiled_here(std::span<const Item> items, std::size_t first, std::uint64_t at) const {
    std::size_t last = first;
    for (; last < items.size() && items[last].offset == at; ++last) {
      if (!tiled(items[last])) return 0;
    }
    return last - first;
  }

  void cut_tiles(std::size_t file, const Item& item, std::size_t index, Work& work) const {
    const Tensor& tensor = tensor_of(item);
    const std::uint32_t target = info(tensor.dtype).bytes;
    const std::uint32_t stored = info(stored_dtype(tensor)).bytes;
    // What is cast is in two buffers.
    const std::uint64_t bytes = target + (stored_dtype(tensor) == tensor.dtype ? 0 : stored);
    const Shape tile = tile_extent(tensor.shape, tensor.stored.pieces[0].byte_strides, stored,
                                   std::max<std::uint64_t>(tile_bytes_ / bytes, 1));
    const std::uint64_t count = tile_count(tensor.shape, tile);
    work.tilings.push_back({tile, verified_by_tiles(tensor, tile)});
    work.tile_bytes = std::max(work.tile_bytes, element_count(tile) * target);
    for (std::uint64_t i = 0; i < count; ++i)
      work.windows.push_back({file, item.offset, item.end(), index, i, work.tilings.size()});
    work.windows_left[file] += count;
    work.bytes += item.length;
  }

  std::uint64_t window_end(std::span<const Item> items, std::size_t first, std::uint64_t at) const {
    // A window that was cut a few bytes before a multiple does not end at that multiple again.
    const std::uint64_t stop = (at + kLargestUnit) / window_bytes_ * window_bytes_ + window_bytes_;
    for (std::size_t i = first; i < items.size() && items[i].offset < stop; ++i) {
      if (items[i].offset > at && tiled(items[i])) return items[i].offset;
      if (items[i].end() <= stop || !items[i].slot) continue;
      const Slot& slot = layout_.slots[items[i].index];
      const std::uint64_t unit = cut_bytes(manifest_.tensors[slot.tensor], slot);
      return items[i].offset + (stop - items[i].offset) / unit * unit;
    }
    return stop;
  }

  const Layout& layout_;
  const Manifest& manifest_;
  std::uint64_t window_bytes_, tile_bytes_;
};

}  // namespace

std::uint64_t output_bytes(const Layout& layout) {
  std::uint64_t total = 0;
  for (const OutputFile& file : layout.files) total += file.total();
  return total;
}

bool is_strided(const Tensor& tensor) {
  return std::any_of(tensor.stored.pieces.begin(), tensor.stored.pieces.end(),
                     [](const Piece& piece) { return !piece.byte_strides.empty(); });
}

bool is_tileable(const Tensor& tensor) {
  return tensor.stored.codec != Codec::packed && !tensor.stored.pieces.empty() &&
         std::all_of(tensor.stored.pieces.begin(), tensor.stored.pieces.end(),
                     [](const Piece& piece) { return !piece.byte_strides.empty(); });
}

namespace {

/// Moved slots that have bytes.
bool has_item(const Slot& slot) { return slot.fill == Slot::Fill::moved && slot.length > 0; }
bool has_item(const Segment& segment) { return !segment.late; }

/// Of each file the segments, then the slots, both as they come in the layout, into one vector;
/// gives where the slots of each file begin.
std::vector<std::size_t> collect_items(const Layout& layout, Work& work) {
  std::vector<std::size_t> slots(layout.files.size());
  work.items_end.resize(layout.files.size());
  for (const Segment& segment : layout.segments) slots[segment.file] += has_item(segment);
  for (const Slot& slot : layout.slots) work.items_end[slot.file] += has_item(slot);
  std::size_t end = 0;
  std::vector<std::size_t> next;  // of segments
  next.reserve(layout.files.size());
  for (std::size_t file = 0; file < layout.files.size(); ++file) {
    next.push_back(end);
    const std::size_t count = work.items_end[file];
    slots[file] += end;
    end = work.items_end[file] = slots[file] + count;
  }
  work.items.resize(end);
  for (std::size_t i = 0; i < layout.segments.size(); ++i) {
    const Segment& segment = layout.segments[i];
    if (!has_item(segment)) continue;
    work.items[next[segment.file]++] = {segment.offset, segment.bytes.size(), i, false};
  }
  next = slots;
  for (std::size_t i = 0; i < layout.slots.size(); ++i) {
    const Slot& slot = layout.slots[i];
    if (has_item(slot)) work.items[next[slot.file]++] = {slot.offset, slot.length, i, true};
  }
  return slots;
}

/// Where the windows of each file end: in front of late segments at its end.
std::vector<std::uint64_t> window_ends(const Layout& layout) {
  std::vector<std::uint64_t> ends;
  ends.reserve(layout.files.size());
  for (const OutputFile& file : layout.files) ends.push_back(file.size);
  for (auto segment = layout.segments.rbegin(); segment != layout.segments.rend(); ++segment) {
    std::uint64_t& end = ends[segment->file];
    if (segment->late && segment->offset + segment->bytes.size() == end) end = segment->offset;
  }
  return ends;
}

void find_verify_ahead(const Layout& layout, const Manifest& manifest, Work& work) {
  std::vector<bool> by_tiles(layout.slots.size());
  for (const Window& window : work.windows) {
    if (window.tiling != 0 && work.tilings[window.tiling - 1].verified)
      by_tiles[work.items_of(window.file)[window.first_item].index] = true;
  }
  for (std::size_t i = 0; i < layout.slots.size(); ++i) {
    const Slot& slot = layout.slots[i];
    if (slot.fill == Slot::Fill::moved && !by_tiles[i] &&
        needs_verify_ahead(manifest.tensors[slot.tensor]))
      work.verify_ahead.push_back(slot.tensor);
  }
}

}  // namespace

Work cut(const Layout& layout, const Manifest& manifest, std::uint64_t tile_bytes) {
  Work work;
  work.windows_left.resize(layout.files.size());
  const std::vector<std::uint64_t> ends = window_ends(layout);
  const std::vector<std::size_t> slots = collect_items(layout, work);
  const std::uint64_t window_bytes =
      output_bytes(layout) < kFewBytes ? kSmallWindowBytes : kWindowBytes;
  const Cutter cutter(layout, manifest, window_bytes, tile_bytes);
  work.windows.reserve(layout.files.size());
  std::size_t begin = 0;
  for (std::size_t file = 0; file < layout.files.size(); ++file) {
    const auto at = [&](std::size_t i) {
      return work.items.begin() + static_cast<std::ptrdiff_t>(i);
    };
    sort_runs(at(begin), at(slots[file]), at(work.items_end[file]),
              [](const Item& a, const Item& b) { return a.offset < b.offset; });
    begin = work.items_end[file];
    cutter.cut_file(file, ends[file], work);
    work.late_bytes += layout.files[file].size - ends[file];
  }
  find_verify_ahead(layout, manifest, work);
  return work;
}

}  // namespace tensorferry
