#include "record_table.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "encoding.h"
#include "util/crc32c.h"
#include "util/file_cursor.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::size_t kStep = 1u << 20;
constexpr std::size_t kProbeWindow = 4096;

Error corrupt_block(std::string message) {
  return Error(ErrorCode::corrupt, "block", std::move(message));
}

std::string name_of(BlockHandle handle) {
  return "the data block at byte " + std::to_string(handle.offset);
}

/// An uncompressed block, searched where it lies.
class BlockSearch {
 public:
  BlockSearch(const File& file, BlockHandle handle) : file_(file), begin_(handle.offset) {
    const std::uint64_t end = handle.offset + handle.size;
    if (handle.size < 4) throw corrupt_block("shorter than its restart count");
    restarts_ = load_little32(file.read_string(end - 4, 4));
    if (restarts_ > (handle.size - 4) / 4) {
      throw corrupt_block("claims " + std::to_string(restarts_) + " restarts in " +
                          std::to_string(handle.size) + " bytes");
    }
    entries_end_ = end - 4 - 4 * restarts_;
  }

  /// Offset and length of the value of `key`; nothing when it is not there.
  std::optional<BlockHandle> find(std::string_view key) const {
    std::uint64_t low = 0,
                  high = restarts_;  // the key of restart `low` is not above the wanted one
    while (high - low > 1) {
      const std::uint64_t middle = low + (high - low) / 2;
      FileCursor cursor(file_, restart(middle), entries_end_, kProbeWindow);
      std::string probed;
      next(cursor, probed);
      (probed <= key ? low : high) = middle;
    }
    if (restarts_ == 0) return std::nullopt;
    FileCursor cursor(file_, restart(low), entries_end_, kProbeWindow);
    std::string found;
    while (cursor.left() > 0) {
      const std::uint64_t length = next(cursor, found);
      if (found == key) return BlockHandle{cursor.position(), length};
      if (found > key) break;
      cursor.skip(length);
    }
    return std::nullopt;
  }

 private:
  std::uint64_t restart(std::uint64_t i) const {
    const std::uint32_t offset = load_little32(file_.read_string(entries_end_ + 4 * i, 4));
    if (offset > entries_end_ - begin_) throw corrupt_block("a restart points behind its entries");
    return begin_ + offset;
  }

  /// Reads the head of an entry and completes `key`; the cursor is then at the value, whose length
  /// is given.
  std::uint64_t next(FileCursor& cursor, std::string& key) const {
    std::string_view head = cursor.peek(3 * 5);
    const std::size_t seen = head.size();
    std::uint32_t shared = 0, unshared = 0, length = 0;
    if (!take_varint32(head, shared) || !take_varint32(head, unshared) ||
        !take_varint32(head, length)) {
      throw corrupt_block("malformed entry at byte " + std::to_string(cursor.position()));
    }
    cursor.skip(seen - head.size());
    if (shared > key.size() || unshared > cursor.left() || length > cursor.left() - unshared ||
        std::uint64_t{shared} + unshared > kMostKeyBytes) {
      throw corrupt_block("the entry before byte " + std::to_string(cursor.position()) +
                          " runs out of its block");
    }
    key.resize(shared);
    key += cursor.peek(unshared).substr(0, unshared);
    cursor.skip(unshared);
    return length;
  }

  const File& file_;
  std::uint64_t begin_, entries_end_ = 0, restarts_ = 0;
};

}  // namespace

RecordTable::RecordTable(std::shared_ptr<const File> file, const Limits& limits)
    : file_(std::move(file)) {
  try {
    const BlockHandle index = read_footer(*file_);
    if (index.size > limits.header_bytes) {
      throw Error(ErrorCode::unsafe, "limit",
                  "an index block of " + std::to_string(index.size) +
                      " bytes exceeds the limit of " + std::to_string(limits.header_bytes));
    }
    const std::string contents = read_block(*file_, index, "the index block");
    BlockCursor entries(contents);
    while (entries.next()) {
      if (!blocks_.empty() && entries.key() <= blocks_.back().last_key) {
        throw Error(ErrorCode::corrupt, "order", "the keys of the index block do not increase");
      }
      Block& block = blocks_.emplace_back();
      block.last_key = entries.key();
      std::string_view value = entries.value();
      if (!take_handle(value, block.handle)) {
        throw corrupt_block("malformed handle of a data block");
      }
    }
  } catch (const Error& error) {
    throw error.in_file(file_->name());
  }
}

const RecordTable::Block* RecordTable::block_of(std::string_view key) const {
  const auto found = std::lower_bound(
      blocks_.begin(), blocks_.end(), key,
      [](const Block& block, std::string_view wanted) { return block.last_key < wanted; });
  return found == blocks_.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> RecordTable::stored_bytes(std::string_view key) const {
  const Block* block = block_of(key);
  if (block == nullptr) return std::nullopt;
  return std::min(block->handle.size, file_->size());
}

std::uint64_t RecordTable::most_bytes(std::uint64_t stored) {
  return std::max(stored, std::min(kMostInflated, checked_multiply(kMostSnappyRatio, stored) + 64));
}

void RecordTable::verify(const Block& block) const {
  check_block_range(*file_, block.handle, name_of(block.handle));
  const std::uint64_t end = block.handle.offset + block.handle.size + 1;  // behind the type
  std::vector<std::byte> buffer(std::min<std::uint64_t>(kStep, block.handle.size + 1));
  std::uint32_t crc = 0;
  for (std::uint64_t at = block.handle.offset; at < end;) {
    const auto part = std::span(buffer).first(std::min<std::uint64_t>(kStep, end - at));
    file_->read_at(at, part);
    crc = crc32c(crc, part);
    at += part.size();
  }
  const std::string trailer = file_->read_string(end - 1, kBlockTrailerBytes);
  if (crc != unmask_crc(load_little32(std::string_view(trailer).substr(1)))) {
    throw Error(ErrorCode::corrupt, "checksum",
                name_of(block.handle) + " does not match its checksum");
  }
  const auto type = static_cast<std::uint8_t>(trailer[0]);
  if (type > 1) {
    throw corrupt_block(name_of(block.handle) + " has the unknown compression type " +
                        std::to_string(type));
  }
  block.compressed = type == 1;
}

bool RecordTable::verified_is_compressed(const Block& block) const {
  const std::lock_guard lock(block.mutex);
  if (!block.verified) verify(block);
  block.verified = true;
  return block.compressed;
}

std::shared_ptr<const File> RecordTable::inflated(const Block& block) const {
  const std::lock_guard lock(mutex_);
  if (inflated_block_ != &block) {
    inflated_block_ = nullptr;
    inflated_ = nullptr;
    inflated_ =
        memory_file(file_->name(), std::string_view(read_block(*file_, block.handle, "the block")));
    inflated_block_ = &block;
  }
  return inflated_;
}

FileRange RecordTable::find(std::string_view key) const {
  try {
    const Block* block = block_of(key);
    if (block == nullptr)
      throw Error(ErrorCode::corrupt, "record", "its record is not in the file");
    const bool compressed = verified_is_compressed(*block);
    std::shared_ptr<const File> file = compressed ? inflated(*block) : file_;
    const BlockHandle whole = compressed ? BlockHandle{0, file->size()} : block->handle;
    const auto value = BlockSearch(*file, whole).find(key);
    if (!value) throw Error(ErrorCode::corrupt, "record", "its record is not in the file");
    return {std::move(file), value->offset, value->size};
  } catch (const Error& error) {
    throw error.in_file(file_->name());
  }
}

}  // namespace tensorferry::tensorflow
