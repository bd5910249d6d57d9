// Looking up single records in a table of any size: the values of a V1 checkpoint lie in one
// (table.h).
//
// Only the index block is held. A block is verified against its CRC the first time that something
// in it is wanted, piece by piece, and searched through its restart array where it lies in the
// file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "table.h"
#include "tensorferry/input.h"
#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

/// Thread-safe.
class RecordTable {
 public:
  /// Reads the footer and the index block. Throws as Table does, and Error(corrupt.order).
  RecordTable(std::shared_ptr<const File> file, const Limits& limits);

  const std::shared_ptr<const File>& file() const { return file_; }

  /// Bytes of the block that the value of `key` is in, as it is stored; nothing when the index
  /// block shows that there is none. Reads nothing.
  std::optional<std::uint64_t> stored_bytes(std::string_view key) const;
  /// What a value in a block of so many stored bytes can have at most, compressed or not.
  static std::uint64_t most_bytes(std::uint64_t stored);

  /// The value of `key`: a range of file(), or of an inflated block in memory. Throws
  /// Error(corrupt.record) when there is none, Error(corrupt.checksum), Error(corrupt.block).
  FileRange find(std::string_view key) const;

 private:
  struct Block {
    std::string last_key;  ///< no key of the block is above it
    BlockHandle handle;
    mutable std::mutex mutex;  ///< one thread verifies, the others wait for it
    mutable bool verified = false;
    mutable bool compressed = false;  ///< known when it is verified
  };
  const Block* block_of(std::string_view key) const;
  /// Whether it is compressed; verifies it the first time.
  bool verified_is_compressed(const Block& block) const;
  void verify(const Block& block) const;
  std::shared_ptr<const File> inflated(const Block& block) const;

  std::shared_ptr<const File> file_;
  std::deque<Block> blocks_;
  mutable std::mutex mutex_;
  mutable const Block* inflated_block_ = nullptr;  ///< the last one, guarded by mutex_
  mutable std::shared_ptr<const File> inflated_;
};

}  // namespace tensorferry::tensorflow
