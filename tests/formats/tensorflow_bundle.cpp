#include "formats/tensorflow_bundle.h"

#include <algorithm>
#include <span>

#include "util/crc32c.h"

namespace tensorflow_test {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::uint32_t mask(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

std::string fixed(std::uint64_t value, std::size_t width, std::endian order) {
  std::string bytes;
  for (std::size_t i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i));
  if (order == std::endian::big) std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

std::string padded(std::int64_t number) {
  const std::string digits = std::to_string(number);
  return digits.size() < 5 ? std::string(5 - digits.size(), '0') + digits : digits;
}

std::string handle(std::size_t offset, std::size_t sealed_size) {
  return varint(offset) + varint(sealed_size - 5);
}

}  // namespace

std::string hex(std::string_view digits) {
  std::string bytes, pair;
  for (const char c : digits) {
    if (c == ' ') continue;
    pair += c;
    if (pair.size() < 2) continue;
    bytes += static_cast<char>(std::stoi(pair, nullptr, 16));
    pair.clear();
  }
  return bytes;
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

std::string little32(std::uint32_t value) { return fixed(value, 4, std::endian::little); }

std::uint32_t masked_crc(std::string_view bytes) {
  return mask(tensorferry::crc32c(0, bytes_of(bytes)));
}

std::string field(unsigned number, std::string_view bytes) {
  return varint(number << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}

std::string field(unsigned number, std::int64_t value) {
  return value == 0 ? "" : varint(number << 3) + varint(static_cast<std::uint64_t>(value));
}

std::string slice_message(const SliceSpec& slice) {
  std::string message;
  for (const auto& [start, length] : slice) {
    std::string extent = field(1, start);
    if (length) extent += varint(2 << 3) + varint(static_cast<std::uint64_t>(*length));
    message += field(1, extent);
  }
  return message;
}

std::string entry(const EntrySpec& spec) {
  std::string shape;
  for (const std::int64_t dim : spec.dims) shape += field(2, field(1, dim));
  std::string value = field(1, spec.dtype) + field(2, shape) + field(3, spec.shard) +
                      field(4, spec.offset) + field(5, spec.size);
  if (spec.crc != 0) value += varint(6 << 3 | 5) + little32(spec.crc);
  for (const SliceSpec& slice : spec.slices) value += field(7, slice_message(slice));
  return value;
}

std::string header(std::int64_t shards, std::endian order) {
  return field(1, shards) + field(2, std::int64_t{order == std::endian::big}) +
         field(3, field(1, std::int64_t{1}));
}

std::pair<std::string, std::uint32_t> string_payload(const std::vector<std::string>& strings,
                                                     std::endian order) {
  std::string lengths, hashed, text;
  for (const std::string& string : strings) {
    lengths += varint(string.size());
    hashed += fixed(string.size(), 4, order);
    text += string;
  }
  const std::uint32_t length_crc = tensorferry::crc32c(0, bytes_of(hashed));
  const std::string rest = fixed(mask(length_crc), 4, order) + text;
  return {lengths + rest, mask(tensorferry::crc32c(length_crc, bytes_of(rest)))};
}

std::string block(const Entries& entries, std::size_t restart_interval) {
  std::string contents, restarts, last;
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& [key, value] = entries[i];
    std::size_t shared = 0;
    if (i % restart_interval == 0) {
      restarts += little32(static_cast<std::uint32_t>(contents.size()));
      ++count;
    } else {
      shared = static_cast<std::size_t>(
          std::mismatch(key.begin(), key.end(), last.begin(), last.end()).first - key.begin());
    }
    contents += varint(shared) + varint(key.size() - shared) + varint(value.size()) +
                key.substr(shared) + value;
    last = key;
  }
  if (entries.empty()) {
    restarts = little32(0);
    count = 1;
  }
  return contents + restarts + little32(count);
}

std::string sealed(std::string_view contents, std::uint8_t type) {
  std::string bytes(contents);
  bytes += static_cast<char>(type);
  return bytes + little32(masked_crc(bytes));
}

std::string snappy_literals(std::string_view bytes) {
  std::string out = varint(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); i += 60) {
    const std::string_view literal = bytes.substr(i, 60);
    out += static_cast<char>((literal.size() - 1) << 2);
    out += literal;
  }
  return out;
}

std::string table_of_blocks(const std::vector<std::string>& blocks,
                            const std::vector<std::string>& separators, bool snappy) {
  std::string file;
  Entries index;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    index.emplace_back(separators[i], handle(file.size(), blocks[i].size()));
    file += blocks[i];
  }
  const auto seal = [&](const std::string& contents) {
    return snappy ? sealed(snappy_literals(contents), 1) : sealed(contents);
  };
  const std::string metaindex = seal(block({})), index_block = seal(block(index, 1));
  std::string footer = handle(file.size(), metaindex.size()) +
                       handle(file.size() + metaindex.size(), index_block.size());
  footer.resize(40, '\0');
  return file + metaindex + index_block + footer + hex("57 fb 80 8b 24 75 47 db");
}

std::string table(const Entries& entries, const TableOptions& options) {
  std::vector<std::string> blocks, separators;
  Entries open;
  std::size_t bytes = 0;
  const auto close = [&] {
    const std::string contents = block(open, options.restart_interval);
    blocks.push_back(options.snappy ? sealed(snappy_literals(contents), 1) : sealed(contents));
    separators.push_back(open.back().first);
    open.clear();
    bytes = 0;
  };
  for (const auto& item : entries) {
    open.push_back(item);
    bytes += item.first.size() + item.second.size();
    if (bytes >= options.block_bytes) close();
  }
  if (!open.empty()) close();
  return table_of_blocks(blocks, separators, options.snappy);
}

Bundle::Bundle(std::int64_t shards, std::endian order) : shards_(shards), order_(order) {
  entries_[""] = header(shards, order);
}

EntrySpec Bundle::place(std::int64_t dtype, std::vector<std::int64_t> dims, std::string_view bytes,
                        std::int64_t shard) {
  std::string& data = data_[shard];
  EntrySpec spec;
  spec.dtype = dtype;
  spec.dims = std::move(dims);
  spec.shard = shard;
  spec.offset = static_cast<std::int64_t>(data.size());
  spec.size = static_cast<std::int64_t>(bytes.size());
  spec.crc = masked_crc(bytes);
  data += bytes;
  return spec;
}

void Bundle::add(const std::string& name, std::int64_t dtype, std::vector<std::int64_t> dims,
                 std::string_view bytes, std::int64_t shard) {
  add(name, place(dtype, std::move(dims), bytes, shard));
}

void Bundle::add_strings(const std::string& name, std::vector<std::int64_t> dims,
                         const std::vector<std::string>& strings) {
  const auto [payload, crc] = string_payload(strings, order_);
  EntrySpec spec = place(7, std::move(dims), payload);
  spec.crc = crc;
  add(name, spec);
}

Files Bundle::files(const std::string& prefix, const TableOptions& options) const {
  Files files;
  files[prefix + ".index"] = table(Entries(entries_.begin(), entries_.end()), options);
  for (const auto& [shard, bytes] : data_) {
    files[prefix + ".data-" + padded(shard) + "-of-" + padded(shards_)] = bytes;
  }
  return files;
}

std::string counting(std::size_t bytes) {
  std::string text;
  for (std::size_t i = 1; i <= bytes; ++i) text += static_cast<char>(i);
  return text;
}

}  // namespace tensorflow_test
