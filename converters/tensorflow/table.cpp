#include "table.h"

#include <snappy.h>

#include <utility>

#include "encoding.h"
#include "sniff.h"
#include "util/crc32c.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::uint64_t kFooterBytes = 48;
constexpr std::uint64_t kHandleBytes = 40;  // of the footer, padding included

Error corrupt_block(std::string message) {
  return Error(ErrorCode::corrupt, "block", std::move(message));
}

std::string inflate(std::string_view compressed) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(compressed.data(), compressed.size(), &size)) {
    throw corrupt_block("no length in front of the snappy data");
  }
  if (size > kMostSnappyRatio * compressed.size() + 64 || size > kMostInflated) {
    throw corrupt_block(std::to_string(compressed.size()) + " bytes of snappy data claim to hold " +
                        std::to_string(size));
  }
  std::string contents(size, '\0');
  if (!snappy::RawUncompress(compressed.data(), compressed.size(), contents.data())) {
    throw corrupt_block("malformed snappy data");
  }
  return contents;
}

}  // namespace

bool take_handle(std::string_view& bytes, BlockHandle& handle) {
  return take_varint(bytes, handle.offset) && take_varint(bytes, handle.size);
}

BlockHandle read_footer(const File& file) {
  const std::uint64_t size = file.size();
  if (size < kFooterBytes) {
    throw Error(ErrorCode::corrupt, "truncated",
                "too short for the table of a checkpoint: " + std::to_string(size) +
                    " bytes, needs " + std::to_string(kFooterBytes))
        .in_file(file.name());
  }
  const std::string footer = file.read_string(size - kFooterBytes, kFooterBytes);
  if (!has_table_magic(footer)) {
    throw Error(ErrorCode::corrupt, "magic",
                "not the table of a checkpoint: its magic number is not at the end")
        .in_file(file.name());
  }
  std::string_view handles = std::string_view(footer).substr(0, kHandleBytes);
  BlockHandle metaindex, index;
  if (!take_handle(handles, metaindex) || !take_handle(handles, index)) {
    throw Error(ErrorCode::corrupt, "footer", "malformed block handles in the footer")
        .in_file(file.name());
  }
  return index;
}

void check_block_range(const File& file, BlockHandle handle, std::string_view what) {
  const std::uint64_t most = file.size() - kBlockTrailerBytes;
  if (handle.size > most || handle.offset > most - handle.size) {
    throw Error(ErrorCode::corrupt, "truncated",
                std::string(what) + " at byte " + std::to_string(handle.offset) + " needs " +
                    std::to_string(handle.size) + " bytes, file has " +
                    std::to_string(file.size()));
  }
}

std::string read_block(const File& file, BlockHandle handle, std::string_view what) {
  check_block_range(file, handle, what);
  std::string block = file.read_string(handle.offset, handle.size + kBlockTrailerBytes);
  const std::string_view checked = std::string_view(block).substr(0, handle.size + 1);
  const std::uint32_t stored =
      unmask_crc(load_little32(std::string_view(block).substr(handle.size + 1)));
  if (crc32c(0, as_bytes(checked)) != stored) {
    throw Error(ErrorCode::corrupt, "checksum",
                std::string(what) + " at byte " + std::to_string(handle.offset) +
                    " does not match its checksum");
  }
  const auto type = static_cast<std::uint8_t>(block[handle.size]);
  block.resize(handle.size);
  if (type == 0) return block;
  if (type == 1) return inflate(block);
  throw corrupt_block(std::string(what) + " at byte " + std::to_string(handle.offset) +
                      " has the unknown compression type " + std::to_string(type));
}

BlockCursor::BlockCursor(std::string_view block) {
  if (block.size() < 4) throw corrupt_block("shorter than its restart count");
  restart_count_ = load_little32(block.substr(block.size() - 4));
  if (restart_count_ > (block.size() - 4) / 4) {
    throw corrupt_block("claims " + std::to_string(restart_count_) + " restarts in " +
                        std::to_string(block.size()) + " bytes");
  }
  const std::size_t entry_bytes = block.size() - 4 - 4 * restart_count_;
  entries_ = block.substr(0, entry_bytes);
  restarts_ = block.substr(entry_bytes, 4 * restart_count_);
  if (entry_bytes == 0 ? restart_count_ > 1 : restart_count_ == 0) {
    throw corrupt_block(std::to_string(restart_count_) + " restarts for " +
                        std::to_string(entry_bytes) + " bytes of entries");
  }
}

std::uint32_t BlockCursor::restart(std::size_t i) const {
  return load_little32(restarts_.substr(4 * i));
}

void BlockCursor::check_restart(std::uint32_t shared) {
  const bool here = next_restart_ < restart_count_ && restart(next_restart_) == position_;
  if (here) ++next_restart_;
  const bool passed = next_restart_ < restart_count_ && restart(next_restart_) <= position_;
  if (passed || (position_ == 0 && !here) || (here && shared != 0)) {
    throw corrupt_block("its restart array does not fit its entries");
  }
}

BlockCursor::Head BlockCursor::take_head(std::string_view& rest) const {
  Head head;
  if (!take_varint32(rest, head.shared) || !take_varint32(rest, head.unshared) ||
      !take_varint32(rest, head.value)) {
    throw corrupt_block("malformed entry at byte " + std::to_string(position_));
  }
  if (head.unshared > rest.size() || head.value > rest.size() - head.unshared) {
    throw corrupt_block("the entry at byte " + std::to_string(position_) +
                        " runs out of its block");
  }
  return head;
}

bool BlockCursor::skip() {
  if (position_ == entries_.size()) return false;
  std::string_view rest = entries_.substr(position_);
  const Head head = take_head(rest);
  rest.remove_prefix(head.unshared + std::size_t{head.value});
  position_ = entries_.size() - rest.size();
  return true;
}

bool BlockCursor::next() {
  if (position_ == entries_.size()) {
    if (!entries_.empty() && next_restart_ != restart_count_) {
      throw corrupt_block("a restart points behind the last entry");
    }
    return false;
  }
  std::string_view rest = entries_.substr(position_);
  const Head head = take_head(rest);
  check_restart(head.shared);
  if (head.shared > key_.size()) {
    throw corrupt_block("the entry at byte " + std::to_string(position_) +
                        " runs out of its block");
  }
  if (std::uint64_t{head.shared} + head.unshared > kMostKeyBytes) {
    throw corrupt_block("a key of " + std::to_string(std::uint64_t{head.shared} + head.unshared) +
                        " bytes");
  }
  key_.resize(head.shared);
  key_.append(rest.substr(0, head.unshared));
  value_ = rest.substr(head.unshared, head.value);
  rest.remove_prefix(head.unshared + std::size_t{head.value});
  position_ = entries_.size() - rest.size();
  return true;
}

Table::Table(std::shared_ptr<const File> file, const Limits& limits)
    : file_(std::move(file)), most_key_bytes_(limits.header_bytes) {
  const std::uint64_t size = file_->size();
  if (size > limits.header_bytes) {
    throw Error(ErrorCode::unsafe, "limit",
                "an index of " + std::to_string(size) + " bytes exceeds the limit of " +
                    std::to_string(limits.header_bytes))
        .in_file(file_->name());
  }
  index_ = read_footer(*file_);
}

void Table::for_each_block(const BlockVisitor& visit) const {
  const std::string index_block = read_block(*file_, index_, "the index block");
  BlockCursor blocks(index_block);
  std::string last_separator;
  bool any = false;
  std::uint64_t stored_bytes = 0;
  while (blocks.next()) {
    BlockHandle handle;
    std::string_view value = blocks.value();
    if (!take_handle(value, handle)) throw corrupt_block("malformed handle of a data block");
    if (any && blocks.key() <= last_separator) {
      throw Error(ErrorCode::corrupt, "order", "the keys of the index block do not increase");
    }
    const std::string block = read_block(*file_, handle, "the data block");
    // Handles may not visit the same bytes again and again.
    stored_bytes += handle.size + kBlockTrailerBytes;
    if (stored_bytes > file_->size()) throw corrupt_block("data blocks overlap");
    visit(block, blocks.key());
    last_separator = blocks.key();
    any = true;
  }
}

std::uint64_t Table::count() const {
  std::uint64_t entries = 0;
  try {
    for_each_block([&](std::string_view block, const std::string&) {
      for (BlockCursor cursor(block); cursor.skip();) ++entries;
    });
  } catch (const Error& error) {
    throw error.in_file(file_->name());
  }
  return entries;
}

void Table::for_each(const Visitor& visit) const {
  std::string last_key, last_separator;
  bool any_key = false, any_separator = false;
  std::uint64_t key_bytes = 0;
  const auto visit_block = [&](std::string_view block, const std::string& separator) {
    BlockCursor entries(block);
    while (entries.next()) {
      const std::string& key = entries.key();
      if ((any_key && key <= last_key) || (any_separator && key <= last_separator) ||
          key > separator) {
        throw Error(ErrorCode::corrupt, "order",
                    "the keys do not increase at \"" + printable(key) + "\"");
      }
      key_bytes += key.size();
      if (key_bytes > most_key_bytes_) {
        throw Error(ErrorCode::unsafe, "limit",
                    "names of more than " + std::to_string(most_key_bytes_) + " bytes together");
      }
      visit(key, entries.value());
      last_key = key;
      any_key = true;
    }
    last_separator = separator;
    any_separator = true;
  };
  try {
    for_each_block(visit_block);
  } catch (const Error& error) {
    throw error.in_file(file_->name());
  }
}

}  // namespace tensorferry::tensorflow
