#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "tensorferry/layout.h"
#include "util/in_order.h"

namespace tensorferry {
namespace {

constexpr std::uint64_t kMostHole = 64 * 1024;

[[noreturn]] void broken(const std::string& message) {
  throw Error(ErrorCode::internal, "layout", message);
}

// Bytes of an output file that somebody writes.
struct Place {
  std::size_t file;
  std::uint64_t offset, length;
  bool is_slot;
  std::size_t index;  // of the slot or segment
};

std::string describe(const Place& place, const Layout& layout, const Manifest& manifest) {
  const std::string what =
      place.is_slot
          ? "tensor \"" + printable(manifest.tensors[layout.slots[place.index].tensor].name) + "\""
          : "segment " + std::to_string(place.index);
  return what + " (bytes " + std::to_string(place.offset) + ".." +
         std::to_string(place.offset + place.length) + " of file " + std::to_string(place.file) +
         ")";
}

// A name in the output's directory: no way out of it.
bool is_safe_name(std::string_view name) {
  if (name.empty() || name.find('\0') != std::string_view::npos) return false;
  while (true) {
    const std::size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

void check_files(const Layout& layout) {
  if (layout.files.empty() && !layout.directory) broken("no output file");
  if (layout.finish_crc == Checksum::Kind::sha256) broken("finish() gets CRCs, not SHA-256");
  std::unordered_set<std::string_view> names;
  for (const OutputFile& file : layout.files) {
    if (!names.insert(file.name).second)
      broken("two files are called \"" + printable(file.name) + "\"");
    const bool is_target = file.name.empty() && !layout.directory;
    if (!is_target && !is_safe_name(file.name))
      broken("file name \"" + printable(file.name) + "\" is not plain");
    constexpr std::uint64_t kMost = ~std::uint64_t{0} / 4;
    if (file.size > kMost || file.appended > kMost)
      broken("file \"" + printable(file.name) + "\" is too large");
  }
}

void check_length(const Slot& slot, const Tensor& tensor) {
  if (slot.fill == Slot::Fill::literal) return;
  const bool is_string = tensor.dtype == DType::string;
  if (is_string && slot.fill == Slot::Fill::moved)
    broken("tensor \"" + printable(tensor.name) + "\": strings cannot be moved");
  if (is_string) return;
  const std::uint64_t expected = is_fixed_size(tensor.dtype)
                                     ? encoded_bytes(tensor.dtype, slot.codec, tensor.elements())
                                     : tensor.bytes();
  if (slot.length != expected) {
    broken("tensor \"" + printable(tensor.name) + "\" takes " + std::to_string(expected) +
           " bytes, its slot has " + std::to_string(slot.length));
  }
}

std::vector<const Segment*> late_segments(const Layout& layout) {
  std::vector<const Segment*> late;
  for (const Segment& segment : layout.segments) {
    if (segment.late) late.push_back(&segment);
  }
  if (late.empty() == (layout.finish != nullptr))
    broken("late segments and a function that finishes them come together");
  return late;
}

// The place of a slot's own CRC. A late segment would be written over it.
void check_crc_place(const Layout& layout, const Slot& slot, std::span<const Segment* const> late) {
  if (slot.crc_offset == 0) return;
  const std::uint64_t size = layout.files[slot.file].size;
  const bool in_late = std::any_of(late.begin(), late.end(), [&](const Segment* segment) {
    return segment->file == slot.file && slot.crc_offset + 4 > segment->offset &&
           slot.crc_offset < segment->offset + segment->bytes.size();
  });
  if (slot.fill == Slot::Fill::moved && size >= 4 && slot.crc_offset <= size - 4 && !in_late)
    return;
  broken("there is no CRC at byte " + std::to_string(slot.crc_offset) + " of file " +
         std::to_string(slot.file));
}

void check_slots(const Layout& layout, const Manifest& manifest) {
  std::vector<bool> placed(manifest.tensors.size());
  const std::vector<const Segment*> late = late_segments(layout);
  for (std::size_t i = 0; i < layout.slots.size(); ++i) {
    const Slot& slot = layout.slots[i];
    if (slot.tensor >= manifest.tensors.size())
      broken("slot " + std::to_string(i) + " is of no tensor");
    if (slot.file >= layout.files.size()) broken("slot " + std::to_string(i) + " is in no file");
    if (slot.fill == Slot::Fill::sink && layout.sink == nullptr) {
      broken("slot " + std::to_string(i) + " is for a sink, and there is none");
    }
    check_length(slot, manifest.tensors[slot.tensor]);
    check_crc_place(layout, slot, late);
    placed[slot.tensor] = true;
  }
  const auto missing = std::find(placed.begin(), placed.end(), false);
  if (missing == placed.end()) return;
  const Tensor& tensor = manifest.tensors[static_cast<std::size_t>(missing - placed.begin())];
  broken("tensor \"" + printable(tensor.name) + "\" has no place");
}

std::vector<Place> collect_places(const Layout& layout) {
  std::vector<Place> places;
  places.reserve(layout.slots.size() + layout.segments.size());
  for (std::size_t i = 0; i < layout.slots.size(); ++i) {
    const Slot& slot = layout.slots[i];
    if (slot.fill != Slot::Fill::moved || slot.length == 0) continue;
    places.push_back({slot.file, slot.offset, slot.length, true, i});
  }
  const auto slots = static_cast<std::ptrdiff_t>(places.size());
  for (std::size_t i = 0; i < layout.segments.size(); ++i) {
    const Segment& segment = layout.segments[i];
    if (segment.file >= layout.files.size())
      broken("segment " + std::to_string(i) + " is in no file");
    if (!segment.bytes.empty())
      places.push_back({segment.file, segment.offset, segment.bytes.size(), false, i});
  }
  const auto before = [](const Place& a, const Place& b) {
    return std::tie(a.file, a.offset, a.length, a.is_slot, a.index) <
           std::tie(b.file, b.offset, b.length, b.is_slot, b.index);
  };
  sort_runs(places.begin(), places.begin() + slots, places.end(), before);
  return places;
}

bool same_place(const Place& a, const Place& b) {
  return a.is_slot && b.is_slot && a.file == b.file && a.offset == b.offset && a.length == b.length;
}

void check_hole(std::size_t file, std::uint64_t from, std::uint64_t to) {
  if (to <= from || to - from <= kMostHole) return;
  broken("nothing is written to bytes " + std::to_string(from) + ".." + std::to_string(to) +
         " of file " + std::to_string(file));
}

// `places` are sorted: in each file one has to begin where, or shortly after, the one before it
// ends.
void check_places(const Layout& layout, const Manifest& manifest,
                  const std::vector<Place>& places) {
  std::size_t next = 0;
  for (std::size_t file = 0; file < layout.files.size(); ++file) {
    const std::uint64_t size = layout.files[file].size;
    std::uint64_t end = 0;
    const Place* before = nullptr;
    for (; next < places.size() && places[next].file == file; ++next) {
      const Place& place = places[next];
      if (before != nullptr && same_place(*before, place)) continue;
      if (place.offset > size || place.length > size - place.offset) {
        broken(describe(place, layout, manifest) + " ends behind the file's " +
               std::to_string(size));
      }
      if (before != nullptr && place.offset < end) {
        broken(describe(*before, layout, manifest) + " overlaps " +
               describe(place, layout, manifest));
      }
      check_hole(file, end, place.offset);
      end = place.offset + place.length;
      before = &place;
    }
    check_hole(file, end, size);
  }
}

}  // namespace

void check(const Layout& layout, const Manifest& manifest) {
  check_files(layout);
  check_slots(layout, manifest);
  check_places(layout, manifest, collect_places(layout));
}

}  // namespace tensorferry
