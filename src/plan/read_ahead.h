// Many small tensors that lie side by side in a file, read at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "plan/buffers.h"
#include "plan/work.h"

namespace tensorferry {

/// Of one thread.
class ReadAhead {
 public:
  /// Which of the items [first, last) of an output file to fill first, and so on: those that lie
  /// beside each other in a source follow each other. Valid until the next call.
  std::span<const std::size_t> order(const Layout& layout, const Manifest& manifest,
                                     std::span<const Item> items, std::size_t first,
                                     std::size_t last);
  /// Reads the source of the item that is `place`-th in that order, together with those that follow
  /// it there and lie beside it. Does nothing for what is large or lies alone.
  void prepare(std::size_t place);

  /// False when those bytes were not read.
  bool copy(const File& file, std::uint64_t offset, std::span<std::byte> bytes) const;

 private:
  std::vector<const FileRange*> ranges_;  ///< in that order; null = nothing to read ahead
  std::vector<std::size_t> order_;
  const File* file_ = nullptr;
  std::uint64_t begin_ = 0, end_ = 0;
  Buffer bytes_;
};

}  // namespace tensorferry
