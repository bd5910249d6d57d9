#include "util/file_cursor.h"

#include <algorithm>

namespace tensorferry {

FileCursor::FileCursor(const File& file, std::uint64_t position, std::uint64_t end,
                       std::size_t window)
    : file_(file), position_(position), end_(end), window_(window) {}

std::string_view FileCursor::peek(std::size_t bytes) {
  const std::uint64_t wanted = std::min<std::uint64_t>(bytes, left());
  const std::uint64_t used = position_ - buffer_start_;
  if (used > buffer_.size() || buffer_.size() - used < wanted) {
    const std::uint64_t size = std::min<std::uint64_t>(std::max(window_, bytes), left());
    buffer_.resize(static_cast<std::size_t>(size));
    file_.read_at(position_, buffer_);
    buffer_start_ = position_;
  }
  const std::uint64_t start = position_ - buffer_start_;
  const std::uint64_t size = std::min<std::uint64_t>(buffer_.size() - start, left());
  return {reinterpret_cast<const char*>(buffer_.data()) + start, static_cast<std::size_t>(size)};
}

void FileCursor::skip(std::uint64_t bytes) { position_ += std::min(bytes, left()); }

std::string FileCursor::take(std::uint64_t bytes) {
  std::string text = bytes <= window_
                         ? std::string(peek(static_cast<std::size_t>(bytes)).substr(0, bytes))
                         : file_.read_string(position_, bytes);
  skip(bytes);
  return text;
}

namespace wire {

std::optional<Field> next_field(FileCursor& cursor, std::uint64_t end) {
  constexpr std::size_t kLongestHeader = 15;  // a tag of 5 bytes, a varint of 10
  const std::uint64_t left = end - cursor.position();
  const std::string_view seen = cursor.peek(kLongestHeader).substr(0, left);
  std::size_t position = 0;
  const auto field = next_field(seen, position);
  if (!field) return std::nullopt;
  if (field->type != Type::varint && field->value > left - position) return std::nullopt;
  cursor.skip(position);
  return field;
}

}  // namespace wire

}  // namespace tensorferry
