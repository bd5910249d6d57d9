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
  /// Reads the source of item `first` together with those that follow it before `stop` in the
  /// output and lie beside it in the source. Does nothing for what is large or lies alone.
  void prepare(const Layout& layout, const Manifest& manifest, const std::vector<Item>& items,
               std::size_t first, std::uint64_t stop);

  /// False when those bytes were not read.
  bool copy(const File& file, std::uint64_t offset, std::span<std::byte> bytes) const;

 private:
  const File* file_ = nullptr;
  std::uint64_t begin_ = 0, end_ = 0;
  Buffer bytes_;
};

}  // namespace tensorferry
