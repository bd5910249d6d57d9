// The sorted string table that is the index of a V2 checkpoint (and the whole of a V1 one).
//
//   file      block | block | ... | metaindex block | index block | footer
//   block     contents | type: u8 | masked CRC32C of contents and type: u32
//   type      0 = as it is, 1 = snappy
//   footer    metaindex handle | index handle | zeros up to 40 bytes | 57 fb 80 8b 24 75 47 db
//   handle    offset: varint | size without type and CRC: varint
//
//   contents  entry | entry | ... | restart: u32 | ... | number of restarts: u32     (inflated)
//   entry     shared, unshared, value length: varint | unshared key bytes | value bytes
//
// A key is the first `shared` bytes of the key before it, then the unshared ones; a restart is the
// offset of an entry that shares nothing. The index block has one entry for each data block: a key
// not below the block's last one and below the next block's first one, and the block's handle.
// Numbers are little-endian. The format is LevelDB's (table/format.h), as TensorFlow's
// tsl/lib/io/table writes it: no filters, an empty metaindex block, keys strictly increasing over
// the file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tensorferry/input.h"
#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

struct BlockHandle {
  std::uint64_t offset = 0, size = 0;
};

/// Throws Error(corrupt.truncated) and Error(corrupt.magic) for what is no table,
/// Error(corrupt.footer).
BlockHandle read_footer(const File& file);

/// The contents of a block, inflated, with its CRC verified. `what` names it in messages. Throws
/// Error(corrupt.truncated), Error(corrupt.checksum), Error(corrupt.block).
std::string read_block(const File& file, BlockHandle handle, std::string_view what);

/// Throws Error(corrupt.truncated) when the block is not inside the file.
void check_block_range(const File& file, BlockHandle handle, std::string_view what);

/// Takes a handle off the front of `bytes`.
bool take_handle(std::string_view& bytes, BlockHandle& handle);

inline constexpr std::uint64_t kBlockTrailerBytes = 5;
inline constexpr std::size_t kMostKeyBytes = 1 << 20;
/// Snappy's densest element turns 3 bytes into 64, and no block may inflate to more than this.
inline constexpr std::uint64_t kMostSnappyRatio = 22, kMostInflated = 64u << 20;

/// Walks the entries of one uncompressed block. Trusts nothing; the block outlives it.
class BlockCursor {
 public:
  /// Throws Error(corrupt.block) when the restart array does not fit.
  explicit BlockCursor(std::string_view block);

  /// The next entry, or false at the end. Throws Error(corrupt.block).
  bool next();
  /// The same without the key, the value and a look at the restarts.
  bool skip();
  const std::string& key() const { return key_; }
  std::string_view value() const { return value_; }

 private:
  /// The numbers in front of an entry; `rest` moves behind them, and holds what they say.
  struct Head {
    std::uint32_t shared = 0, unshared = 0, value = 0;
  };
  Head take_head(std::string_view& rest) const;
  /// Restarts are where the writer says they are: lookups in other readers depend on them.
  void check_restart(std::uint32_t shared);
  std::uint32_t restart(std::size_t i) const;

  std::string_view entries_, restarts_;
  std::size_t position_ = 0, restart_count_ = 0, next_restart_ = 0;
  std::string key_;
  std::string_view value_;
};

/// A table in a file. Every byte is checked before it is used, whether or not the CRC is right.
class Table {
 public:
  using Visitor = std::function<void(std::string_view key, std::string_view value)>;

  /// Reads the footer. Throws Error(corrupt.truncated), Error(corrupt.magic), Error(unsafe.limit)
  /// for a file above limits.header_bytes.
  Table(std::shared_ptr<const File> file, const Limits& limits);

  /// Calls `visit` for every entry in order, holding one block at a time. Throws Error(corrupt) for
  /// damage, with what was visited before it standing; Error(unsafe.limit) when the keys together
  /// exceed limits.header_bytes.
  void for_each(const Visitor& visit) const;
  /// How many for_each() would visit, or fewer when it would throw. Throws as it does.
  std::uint64_t count() const;

 private:
  /// Calls `visit` with the contents of each data block and the key that the index has for it.
  using BlockVisitor = std::function<void(std::string_view block, const std::string& separator)>;
  void for_each_block(const BlockVisitor& visit) const;

  std::shared_ptr<const File> file_;
  std::uint64_t most_key_bytes_;
  BlockHandle index_;
};

}  // namespace tensorferry::tensorflow
