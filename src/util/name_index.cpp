#include "util/name_index.h"

#include <bit>
#include <string>

#include "tensorferry/error.h"

namespace tensorferry {

NameIndex::NameIndex(std::size_t count, Names name) : name_(std::move(name)) {
  if (count >= free) {
    throw Error(ErrorCode::unsafe, "limit",
                std::to_string(count) + " names, at most " + std::to_string(free - 1) +
                    " can be told apart");
  }
  if (count == 0) return;
  entries_.resize(std::bit_ceil(2 * count));
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view own = name_(i);
    const std::size_t hash = std::hash<std::string_view>()(own);
    Entry& entry = entries_[place(own, hash)];
    if (entry.number == free) {
      entry = {static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(i)};
    } else if (!repeated_) {
      repeated_ = {entry.number, i};
    }
  }
}

NameIndex::NameIndex(const std::vector<Tensor>& tensors)
    : NameIndex(tensors.size(),
                [&](std::size_t i) -> std::string_view { return tensors[i].name; }) {}

std::size_t NameIndex::place(std::string_view name, std::size_t hash) const {
  const std::size_t mask = entries_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const Entry& entry = entries_[at];
    if (entry.number == free) return at;
    if (entry.bits == static_cast<std::uint32_t>(hash >> 32) && name_(entry.number) == name)
      return at;
  }
}

std::optional<std::size_t> NameIndex::find(std::string_view name) const {
  if (entries_.empty()) return std::nullopt;
  const Entry& entry = entries_[place(name, std::hash<std::string_view>()(name))];
  if (entry.number == free) return std::nullopt;
  return entry.number;
}

}  // namespace tensorferry
