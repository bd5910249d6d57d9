// Writes the sorted string table that table.h describes, with the same bytes as TensorFlow.
//
// What a reader may not care about, and what makes the bytes the same: an entry shares nothing at
// every 16th entry of a data block; a data block ends when its entries, 4 bytes a restart and 4
// more reach 256 KiB, and before an entry of 512 KiB or more; the index block is all restarts; the
// key of a block there is the shortest string that is not below its last key and below the next
// block's first one. From LevelDB's table/table_builder.cc and block_builder.cc, as
// tsl/lib/io/table_builder.cc has them with the options of util/tensor_bundle.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "table.h"

namespace tensorferry::tensorflow {

/// A table in memory whose values may still change, in place.
struct BuiltTable {
  std::string bytes;
  std::vector<std::uint64_t> value_ends;  ///< behind each value in `bytes`, in the order of add()
  std::vector<BlockHandle> blocks;        ///< of data
};

/// Takes the CRC of every data block of the table again.
void seal(std::string& table, std::span<const BlockHandle> blocks);

/// The entries of one block.
class BlockBuilder {
 public:
  explicit BlockBuilder(std::uint32_t restart_interval) : restart_interval_(restart_interval) {}

  void add(std::string_view key, std::string_view value);
  bool empty() const { return entries_.empty(); }
  /// Bytes of the entries so far, without restarts: where the last value ends.
  std::uint64_t entry_bytes() const { return entries_.size(); }
  /// Bytes of what finish() gives.
  std::uint64_t bytes() const { return entries_.size() + 4 * (restarts_.size() + 1); }
  /// The contents of the block. The builder is empty afterwards.
  std::string finish();

 private:
  std::uint32_t restart_interval_, since_restart_ = 0;
  std::string entries_, last_key_;
  std::vector<std::uint32_t> restarts_ = {0};
};

class TableBuilder {
 public:
  /// Keys come strictly increasing, byte by byte.
  void add(std::string_view key, std::string_view value);
  BuiltTable finish() &&;

 private:
  void flush();
  BlockHandle append_block(const std::string& contents);

  BuiltTable table_;
  BlockBuilder data_{16}, index_{1};
  std::string last_key_;
  bool any_ = false, pending_ = false;  // pending: the last block is not in the index block yet
};

/// The least string, in length, that is not below `last` and below `next`, where LevelDB finds one.
std::string shortest_separator(std::string_view last, std::string_view next);
/// A short string that is not below `last`.
std::string short_successor(std::string_view last);

}  // namespace tensorferry::tensorflow
