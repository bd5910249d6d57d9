// Checksums of ranges that are read or written in parts, in any order, by several threads.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "tensorferry/manifest.h"

namespace tensorferry {

/// "crc32c", "sha256", "crc32".
std::string_view to_string(Checksum::Kind kind);

/// The CRC of what gave `crc`, followed by `bytes`. Start with 0. `kind` is one of the CRCs.
std::uint32_t crc_of(Checksum::Kind kind, std::uint32_t crc, std::span<const std::byte> bytes);

/// The CRC of a concatenation, from the CRC of each part and the length of the second.
std::uint32_t combined_crc(Checksum::Kind kind, std::uint32_t first, std::uint32_t second,
                           std::uint64_t second_length);

/// The CRC of a range from the CRCs of its parts. Thread-safe.
class CrcParts {
 public:
  /// Adds a part of the range `key` of `total` bytes. Gives the CRC of the whole when this part
  /// completes it. A range with no bytes is never added.
  std::optional<std::uint32_t> add(Checksum::Kind kind, std::uint64_t key, std::uint64_t total,
                                   std::uint64_t offset, std::span<const std::byte> bytes);

  /// True when no range lacks a part. Not while others add.
  bool complete() const { return ranges_.empty(); }

 private:
  struct Part {
    std::uint64_t length;
    std::uint32_t crc;
  };
  /// By offset. Parts that touch are made one: a tile's many runs meet those of the next tile.
  using Parts = std::map<std::uint64_t, Part>;

  std::mutex mutex_;
  std::map<std::uint64_t, Parts> ranges_;
};

/// True when the piece has a checksum that can be taken from those of its parts, if each of its
/// bytes is read once.
bool has_crc(const Stored& stored, const Piece& piece);

/// True when the CRC of this piece is taken from its parts while the tensor is moved, in whatever
/// order that happens; other checksums need verify_piece first, but for those of tiles that are
/// ranges (Tiling::verified).
bool verified_while_moving(const Stored& stored, const Piece& piece);

/// Reads the whole range of a piece and compares its checksum. Throws Error(corrupt.checksum).
void verify_piece(const Tensor& tensor, const Piece& piece);

/// Throws Error(corrupt.checksum) with both values when they differ.
void compare_crc(const Tensor& tensor, const Piece& piece, std::uint32_t computed);

}  // namespace tensorferry
