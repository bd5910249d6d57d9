// Which of many has a name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "tensorferry/manifest.h"

namespace tensorferry {

/// Finds names among `count` numbered ones, in 16 to 32 bytes for each; the names stay where they
/// are. Looking up is thread-safe.
class NameIndex {
 public:
  using Names = std::function<std::string_view(std::size_t)>;

  NameIndex() = default;
  /// `name` gives the name of each number below `count`; it is kept, and what it gives must stay
  /// valid. Throws Error(unsafe.limit) above 2^32 - 2 names.
  NameIndex(std::size_t count, Names name);
  /// Of the names of tensors, which must stay where they are.
  explicit NameIndex(const std::vector<Tensor>& tensors);

  /// The first that has the name.
  std::optional<std::size_t> find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name).has_value(); }
  /// The first name that another before it has: both numbers, the lower one first.
  std::optional<std::pair<std::size_t, std::size_t>> repeated() const { return repeated_; }

 private:
  /// A number and some bits of the hash of its name, in the place that other bits point to or
  /// behind it.
  struct Entry {
    std::uint32_t bits = 0;
    std::uint32_t number = free;
  };
  static constexpr std::uint32_t free = ~std::uint32_t{0};

  /// Of the name, or of the free entry where it would stand.
  std::size_t place(std::string_view name, std::size_t hash) const;

  Names name_;
  std::vector<Entry> entries_;  ///< a power of two of them, at least half of them free; or none
  std::optional<std::pair<std::size_t, std::size_t>> repeated_;
};

}  // namespace tensorferry
