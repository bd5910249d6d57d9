#include "string_payload.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "encoding.h"
#include "tensorferry/error.h"
#include "util/crc32c.h"
#include "util/wire.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::size_t kBuffer = 64 << 10;

/// The bytes of a payload in order, buffered.
class PayloadReader {
 public:
  explicit PayloadReader(const StringPayload& payload)
      : file_(*payload.file), next_(payload.offset), end_(payload.offset + payload.size) {}

  std::uint64_t remaining() const { return (end_ - next_) + (filled_ - used_); }

  void read(std::span<std::byte> bytes) {
    if (bytes.size() > remaining()) throw truncated();
    while (!bytes.empty()) {
      if (used_ == filled_) fill();
      const std::size_t count = std::min(bytes.size(), filled_ - used_);
      std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(used_), count, bytes.begin());
      used_ += count;
      bytes = bytes.subspan(count);
    }
  }

  std::uint64_t read_varint() {
    std::array<char, 10> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      read(std::as_writable_bytes(std::span(&bytes[i], 1)));
      if (static_cast<std::uint8_t>(bytes[i]) >= 0x80) continue;
      std::string_view text(bytes.data(), i + 1);
      std::uint64_t value = 0;
      if (take_varint(text, value)) return value;
      break;
    }
    throw Error(ErrorCode::corrupt, "strings", "malformed length of a string");
  }

  static Error truncated() {
    return Error(ErrorCode::corrupt, "truncated", "the strings run past the end of their payload");
  }

 private:
  void fill() {
    buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBuffer, end_ - next_)));
    file_.read_at(next_, buffer_);
    next_ += buffer_.size();
    filled_ = buffer_.size();
    used_ = 0;
  }

  const File& file_;
  std::uint64_t next_, end_;
  std::vector<std::byte> buffer_;
  std::size_t filled_ = 0, used_ = 0;
};

/// The bytes that a length adds to the length CRC.
std::uint32_t extend_by_length(std::uint32_t crc, std::uint64_t length, std::endian order) {
  const std::size_t width = length <= 0xffffffff ? 4 : 8;
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t place = order == std::endian::little ? i : width - 1 - i;
    bytes[place] = static_cast<std::byte>(length >> (8 * i));
  }
  return crc32c(crc, std::span(bytes).first(width));
}

std::vector<std::uint64_t> read_lengths(const StringPayload& payload, PayloadReader& reader,
                                        std::uint32_t& crc) {
  if (payload.elements > payload.size) throw PayloadReader::truncated();
  std::vector<std::uint64_t> lengths;
  lengths.reserve(payload.elements);
  std::uint64_t total = 0;
  for (std::uint64_t i = 0; i < payload.elements; ++i) {
    const std::uint64_t length = reader.read_varint();
    if (length > payload.size || total > payload.size - length) throw PayloadReader::truncated();
    total += length;
    lengths.push_back(length);
    crc = extend_by_length(crc, length, payload.order);
  }
  if (reader.remaining() < 4 || total > reader.remaining() - 4) throw PayloadReader::truncated();
  return lengths;
}

void check_lengths(const StringPayload& payload, PayloadReader& reader, std::uint32_t& crc) {
  std::array<std::byte, 4> stored{};
  reader.read(stored);
  const std::uint32_t masked = mask_crc(crc);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const std::size_t place = payload.order == std::endian::little ? i : 3 - i;
    if (stored[place] != static_cast<std::byte>(masked >> (8 * i))) {
      throw Error(ErrorCode::corrupt, "checksum",
                  "the lengths of the strings do not match their checksum");
    }
  }
  crc = crc32c(crc, stored);
}

}  // namespace

std::uint64_t memory_for(const StringPayload& payload) {
  return payload.size + payload.elements * (sizeof(std::string) + sizeof(std::uint64_t));
}

std::vector<std::string> load_strings(const StringPayload& payload) {
  if (payload.elements == 0) return {};
  PayloadReader reader(payload);
  std::uint32_t crc = 0;
  const std::vector<std::uint64_t> lengths = read_lengths(payload, reader, crc);
  check_lengths(payload, reader, crc);
  std::vector<std::string> strings;
  strings.reserve(lengths.size());
  for (const std::uint64_t length : lengths) {
    std::string& text = strings.emplace_back(length, '\0');
    const auto bytes = std::as_writable_bytes(std::span(text));
    reader.read(bytes);
    crc = crc32c(crc, bytes);
  }
  if (mask_crc(crc) != payload.masked_crc) {
    throw Error(ErrorCode::corrupt, "checksum", "the strings do not match their checksum");
  }
  return strings;
}

EncodedPayload encode_strings(const std::vector<std::string>& strings) {
  EncodedPayload payload;
  std::uint64_t total = 4;
  for (const std::string& text : strings) total += text.size() + wire::varint_size(text.size());
  payload.bytes.reserve(total);
  std::uint32_t crc = 0;
  for (const std::string& text : strings) {
    wire::append_varint(payload.bytes, text.size());
    crc = extend_by_length(crc, text.size(), std::endian::little);
  }
  const std::size_t covered = payload.bytes.size();
  append_little32(payload.bytes, mask_crc(crc));
  for (const std::string& text : strings) payload.bytes += text;
  crc = crc32c(crc, as_bytes(std::string_view(payload.bytes).substr(covered)));
  payload.masked_crc = mask_crc(crc);
  return payload;
}

}  // namespace tensorferry::tensorflow
