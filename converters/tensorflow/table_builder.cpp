#include "table_builder.h"

#include <algorithm>
#include <utility>

#include "encoding.h"
#include "util/crc32c.h"
#include "util/wire.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::uint64_t kBlockBytes = 262144;
constexpr std::uint64_t kLargeEntry = 2 * kBlockBytes;
constexpr std::size_t kPaddedHandles = 40;
constexpr std::uint64_t kMagic = 0xdb4775248b80fb57;

void append_handle(std::string& out, BlockHandle handle) {
  wire::append_varint(out, handle.offset);
  wire::append_varint(out, handle.size);
}

}  // namespace

void BlockBuilder::add(std::string_view key, std::string_view value) {
  std::size_t shared = 0;
  if (since_restart_ < restart_interval_) {
    const std::size_t most = std::min(key.size(), last_key_.size());
    while (shared < most && key[shared] == last_key_[shared]) ++shared;
  } else {
    restarts_.push_back(static_cast<std::uint32_t>(entries_.size()));
    since_restart_ = 0;
  }
  wire::append_varint(entries_, shared);
  wire::append_varint(entries_, key.size() - shared);
  wire::append_varint(entries_, value.size());
  entries_ += key.substr(shared);
  entries_ += value;
  last_key_ = key;
  ++since_restart_;
}

std::string BlockBuilder::finish() {
  std::string contents = std::exchange(entries_, {});
  for (const std::uint32_t restart : restarts_) append_little32(contents, restart);
  append_little32(contents, static_cast<std::uint32_t>(restarts_.size()));
  restarts_ = {0};
  since_restart_ = 0;
  last_key_.clear();
  return contents;
}

BlockHandle TableBuilder::append_block(const std::string& contents) {
  const BlockHandle handle{table_.bytes.size(), contents.size()};
  table_.bytes += contents;
  table_.bytes += '\0';  // not compressed
  const std::string_view sealed = std::string_view(table_.bytes).substr(handle.offset);
  append_little32(table_.bytes, mask_crc(crc32c(0, as_bytes(sealed))));
  return handle;
}

void TableBuilder::flush() {
  if (data_.empty()) return;
  table_.blocks.push_back(append_block(data_.finish()));
  pending_ = true;
}

void TableBuilder::add(std::string_view key, std::string_view value) {
  if (any_ && key.size() + value.size() >= kLargeEntry) flush();
  if (pending_) {
    std::string handle;
    append_handle(handle, table_.blocks.back());
    index_.add(shortest_separator(last_key_, key), handle);
    pending_ = false;
  }
  last_key_ = key;
  any_ = true;
  data_.add(key, value);
  table_.value_ends.push_back(table_.bytes.size() + data_.entry_bytes());
  if (data_.bytes() >= kBlockBytes) flush();
}

BuiltTable TableBuilder::finish() && {
  flush();
  std::string footer;
  append_handle(footer, append_block(BlockBuilder(1).finish()));
  if (pending_) {
    std::string handle;
    append_handle(handle, table_.blocks.back());
    index_.add(short_successor(last_key_), handle);
  }
  append_handle(footer, append_block(index_.finish()));
  footer.resize(kPaddedHandles, '\0');
  append_little32(footer, static_cast<std::uint32_t>(kMagic));
  append_little32(footer, static_cast<std::uint32_t>(kMagic >> 32));
  table_.bytes += footer;
  return std::move(table_);
}

void seal(std::string& table, std::span<const BlockHandle> blocks) {
  for (const BlockHandle& block : blocks) {
    const auto checked = std::string_view(table).substr(block.offset, block.size + 1);
    std::string trailer;
    append_little32(trailer, mask_crc(crc32c(0, as_bytes(checked))));
    table.replace(block.offset + block.size + 1, trailer.size(), trailer);
  }
}

std::string shortest_separator(std::string_view last, std::string_view next) {
  const auto [at, limit] = std::mismatch(last.begin(), last.end(), next.begin(), next.end());
  if (at == last.end() || limit == next.end()) return std::string(last);
  const auto low = static_cast<unsigned char>(*at), high = static_cast<unsigned char>(*limit);
  if (low == 0xff || low + 1 >= high) return std::string(last);
  std::string separator(last.begin(), at);
  separator += static_cast<char>(low + 1);
  return separator;
}

std::string short_successor(std::string_view last) {
  const std::size_t at = last.find_first_not_of('\xff');
  if (at == std::string_view::npos) return std::string(last);
  std::string successor(last.substr(0, at + 1));
  successor[at] = static_cast<char>(static_cast<unsigned char>(successor[at]) + 1);
  return successor;
}

}  // namespace tensorferry::tensorflow
