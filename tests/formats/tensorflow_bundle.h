// Writes V2 checkpoints for tests, wrong ones too. Stands on nothing of the reader but the CRC.
#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tensorflow_test {

using Entries = std::vector<std::pair<std::string, std::string>>;
using Files = std::map<std::string, std::string>;

/// "00 ff" as bytes; spaces are ignored.
std::string hex(std::string_view digits);
std::string varint(std::uint64_t value);
std::string little32(std::uint32_t value);
std::uint32_t masked_crc(std::string_view bytes);

/// A protobuf field: number and bytes, or number and integer.
std::string field(unsigned number, std::string_view bytes);
std::string field(unsigned number, std::int64_t value);

/// Start and length of each dimension; no length = the whole of it.
using SliceSpec = std::vector<std::pair<std::int64_t, std::optional<std::int64_t>>>;
std::string slice_message(const SliceSpec& slice);

struct EntrySpec {
  std::int64_t dtype = 1;
  std::vector<std::int64_t> dims = {};
  std::int64_t shard = 0, offset = 0, size = 0;
  std::uint32_t crc = 0;  ///< masked
  std::vector<SliceSpec> slices = {};
};
std::string entry(const EntrySpec& spec);
std::string header(std::int64_t shards, std::endian order = std::endian::little);

/// The payload of a string tensor and the masked CRC of its entry.
std::pair<std::string, std::uint32_t> string_payload(const std::vector<std::string>& strings,
                                                     std::endian order);

struct TableOptions {
  std::size_t block_bytes = 262144;  ///< a data block is closed when it is this long
  std::size_t restart_interval = 16;
  bool snappy = false;
};
/// Block contents of entries in the order given, restarts and all.
std::string block(const Entries& entries, std::size_t restart_interval = 16);
/// A block with type and CRC.
std::string sealed(std::string_view contents, std::uint8_t type = 0);
/// The same bytes as snappy data that holds literals only.
std::string snappy_literals(std::string_view bytes);
/// A table of blocks that are sealed already; a handle for each, under the separators given.
std::string table_of_blocks(const std::vector<std::string>& blocks,
                            const std::vector<std::string>& separators, bool snappy = false);
/// A table of entries in the order given.
std::string table(const Entries& entries, const TableOptions& options = {});

/// A checkpoint of one shard or several; tensors may be added in any order.
class Bundle {
 public:
  explicit Bundle(std::int64_t shards = 1, std::endian order = std::endian::little);

  /// Places the bytes in a shard and gives the entry that names them.
  EntrySpec place(std::int64_t dtype, std::vector<std::int64_t> dims, std::string_view bytes,
                  std::int64_t shard = 0);
  void add(const std::string& name, const EntrySpec& spec) { entries_[name] = entry(spec); }
  void add(const std::string& name, std::int64_t dtype, std::vector<std::int64_t> dims,
           std::string_view bytes, std::int64_t shard = 0);
  void add_strings(const std::string& name, std::vector<std::int64_t> dims,
                   const std::vector<std::string>& strings);
  void set(const std::string& key, std::string value) { entries_[key] = std::move(value); }

  /// P.index and P.data-...; without shards that hold nothing.
  Files files(const std::string& prefix = "m", const TableOptions& options = {}) const;

 private:
  std::int64_t shards_;
  std::endian order_;
  std::map<std::string, std::string> entries_;
  std::map<std::int64_t, std::string> data_;
};

/// 1, 2, ... as bytes.
std::string counting(std::size_t bytes);

}  // namespace tensorflow_test
