// What a name or the first bytes of a file say, without opening anything. Needs no library, so that
// the format is detected in a build that cannot read it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "encoding.h"
#include "tensorferry/error.h"
#include "tensorferry/input.h"

namespace tensorferry::tensorflow {

/// The last eight bytes of a table.
inline bool has_table_magic(std::string_view suffix) {
  return suffix.ends_with(std::string_view("\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8));
}

inline bool is_lfs_pointer(std::string_view prefix) {
  return prefix.starts_with("version https://git-lfs");
}

/// Whether the file holds that text. Reads a few bytes of a short file.
inline bool is_lfs_pointer_file(const File& file) {
  constexpr std::uint64_t kMostBytes = 1024;  // a pointer file is shorter than this
  return file.size() < kMostBytes && is_lfs_pointer(file.read_string(0, file.size()));
}

/// Throws Error(corrupt.lfs_pointer) if so.
inline void check_no_lfs_pointer(const File& file) {
  if (!is_lfs_pointer_file(file)) return;
  throw Error(ErrorCode::corrupt, "lfs_pointer",
              "a Git-LFS pointer in place of the file; fetch it with: git lfs pull")
      .in_file(file.name());
}

enum class TableKind : std::uint8_t {
  none,    ///< the first entry is not that of a checkpoint
  bundle,  ///< V2: the header's fields are small numbers
  v1,      ///< V1: the header is a message inside a message
};

/// What the value of the empty key begins with tells V2 from V1.
inline TableKind kind_of_header(std::string_view value) {
  if (value.empty()) return TableKind::bundle;
  switch (value.front()) {
    case 0x08:
    case 0x10:
    case 0x1a:
      return TableKind::bundle;
    case 0x0a:
      return TableKind::v1;
    default:
      return TableKind::none;
  }
}

/// The first entry of a table from the file's first bytes. Its key is the empty one; in a snappy
/// block it is the beginning of a literal, for there is nothing to copy yet.
inline TableKind sniff_first_entry(std::string_view prefix) {
  if (!prefix.starts_with(std::string_view("\0\0", 2))) {
    std::uint64_t inflated = 0;
    if (!take_varint(prefix, inflated) || prefix.empty() || (prefix.front() & 3) != 0) {
      return TableKind::none;
    }
    const std::size_t code = static_cast<std::uint8_t>(prefix.front()) >> 2;
    const std::size_t skip = 1 + (code < 60 ? 0 : code - 59);
    if (skip > prefix.size()) return TableKind::none;
    prefix.remove_prefix(skip);
    if (!prefix.starts_with(std::string_view("\0\0", 2))) return TableKind::none;
  }
  prefix.remove_prefix(2);
  std::uint64_t value_bytes = 0;
  if (!take_varint(prefix, value_bytes)) return TableKind::none;
  return kind_of_header(prefix.substr(0, value_bytes));
}

/// `P-SSSSS-of-NNNNN`; the numbers have five digits or more.
struct ShardName {
  std::string prefix;
  std::uint64_t number = 0, count = 0;
};

inline std::optional<ShardName> parse_shard_name(std::string_view name) {
  ShardName shard;
  const auto take_digits = [&](std::uint64_t& value) {
    std::size_t count = 0;
    value = 0;
    for (std::uint64_t unit = 1; count < name.size() && count < 18; ++count, unit *= 10) {
      const char digit = name[name.size() - 1 - count];
      if (digit < '0' || digit > '9') break;
      value += unit * static_cast<std::uint64_t>(digit - '0');
    }
    name.remove_suffix(count);
    return count >= 5;
  };
  const auto take = [&](std::string_view word) {
    if (!name.ends_with(word)) return false;
    name.remove_suffix(word.size());
    return true;
  };
  if (!take_digits(shard.count) || !take("-of-") || !take_digits(shard.number) || !take("-") ||
      name.empty()) {
    return std::nullopt;
  }
  shard.prefix = name;
  return shard;
}

/// The name without `suffix`, when it has it and something in front.
inline std::optional<std::string> without_suffix(std::string_view name, std::string_view suffix) {
  if (name.size() <= suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  return std::string(name.substr(0, name.size() - suffix.size()));
}

/// `P` of `P.data-SSSSS-of-NNNNN`.
inline std::optional<std::string> prefix_of_shard(std::string_view name) {
  const auto shard = parse_shard_name(name);
  return shard ? without_suffix(shard->prefix, ".data") : std::nullopt;
}

/// The same of the name of a V1 shard, which has no ".data".
inline std::optional<ShardName> parse_v1_shard_name(std::string_view name) {
  auto shard = parse_shard_name(name);
  return shard && !shard->prefix.ends_with(".data") ? shard : std::nullopt;
}

/// Whether a text begins like the file `checkpoint`.
inline bool looks_like_state_file(std::string_view text) {
  for (;;) {
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return false;
    text.remove_prefix(start);
    if (text.front() != '#') break;
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end);
  }
  for (const std::string_view field :
       {"model_checkpoint_path", "all_model_checkpoint_paths", "all_model_checkpoint_timestamps",
        "last_preserved_timestamp"}) {
    if (text.starts_with(field)) return true;
  }
  return false;
}

}  // namespace tensorferry::tensorflow
