// Collections of the global heap, written; global_heap.h has the diagram.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "global_heap.h"

namespace tensorferry::hdf5 {

/// Puts values of variable length into collections at the end of a string whose first byte is the
/// file's. finish() once, at the end.
class HeapWriter {
 public:
  explicit HeapWriter(std::string& out) : out_(out) {}

  /// May append a collection: not to be called while something else is being appended. Throws
  /// Error(unsupported) for 4 GiB and more.
  HeapReference add(std::string_view value);
  /// Tells of the free bytes of the last collection.
  void finish();

 private:
  void begin(std::uint64_t bytes);

  std::string& out_;
  std::uint64_t begin_ = 0, used_ = 0, size_ = 0;  // of the collection at hand
  std::uint64_t index_ = 0;
};

}  // namespace tensorferry::hdf5
