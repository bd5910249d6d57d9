#include "plan/read_ahead.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>
#include <utility>

#include "plan/buffers.h"
#include "util/in_order.h"

namespace tensorferry {
namespace {

constexpr std::uint64_t kSmall = 64u << 10;
constexpr std::uint64_t kMost = 256u << 10;
constexpr std::uint64_t kGap = 4096;  // reading across it costs less than another call

/// Where a small tensor lies that is one range of a file; null for everything else.
const FileRange* small_range(const Layout& layout, const Manifest& manifest, const Item& item) {
  if (!item.slot || item.length > kSmall) return nullptr;
  const auto& pieces = manifest.tensors[layout.slots[item.index].tensor].stored.pieces;
  if (pieces.size() != 1 || !pieces[0].byte_strides.empty()) return nullptr;
  const auto* range = std::get_if<FileRange>(&pieces[0].origin);
  return range && range->length <= kSmall ? range : nullptr;
}

}  // namespace

std::span<const std::size_t> ReadAhead::order(const Layout& layout, const Manifest& manifest,
                                              std::span<const Item> items, std::size_t first,
                                              std::size_t last) {
  ranges_.clear();
  order_.clear();
  std::vector<std::pair<const FileRange*, std::size_t>> small;
  for (std::size_t i = first; i < last; ++i) {
    if (const FileRange* range = small_range(layout, manifest, items[i])) {
      small.emplace_back(range, i);
    } else {
      order_.push_back(i);
    }
  }
  ranges_.resize(order_.size());
  sort_unless_sorted(small.begin(), small.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.first->file.get(), a.first->offset, a.second) <
           std::tuple(b.first->file.get(), b.first->offset, b.second);
  });
  for (const auto& [range, item] : small) {
    ranges_.push_back(range);
    order_.push_back(item);
  }
  return order_;
}

void ReadAhead::prepare(std::size_t place) {
  const FileRange* range = ranges_[place];
  if (!range) return;
  const std::uint64_t begin = range->offset;
  std::uint64_t end = begin + range->length;
  if (file_ == range->file.get() && begin >= begin_ && end <= end_) return;
  bool several = false;
  for (std::size_t i = place + 1; i < ranges_.size(); ++i) {
    const FileRange& next = *ranges_[i];
    const std::uint64_t next_end = next.offset + next.length;
    if (next.file != range->file || next.offset > end + kGap || next_end - begin > kMost) break;
    end = std::max(end, next_end);
    several = true;
  }
  if (!several) return;
  file_ = nullptr;
  make_room(bytes_, std::bit_ceil(end - begin));
  try {
    range->file->read_at(begin, std::span(bytes_).first(end - begin));
  } catch (const Error&) {
    return;  // told when the tensor that it concerns is read by itself
  }
  file_ = range->file.get();
  begin_ = begin;
  end_ = end;
}

bool ReadAhead::copy(const File& file, std::uint64_t offset, std::span<std::byte> bytes) const {
  if (file_ != &file || offset < begin_ || offset + bytes.size() > end_) return false;
  std::memcpy(bytes.data(), bytes_.data() + (offset - begin_), bytes.size());
  return true;
}

}  // namespace tensorferry
