#include "util/file_cursor.h"

#include <algorithm>
#include <span>
#include <utility>

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
namespace {

constexpr std::size_t kLongestHeader = 15;  // a tag of 5 bytes, a varint of 10

std::optional<Header> header_at(FileCursor& cursor, std::uint64_t end) {
  const std::uint64_t left = end - cursor.position();
  const std::string_view seen = cursor.peek(kLongestHeader).substr(0, left);
  std::size_t position = 0;
  const auto header = next_header(seen, position);
  if (!header || (header->type != 0 && header->value > left - position)) return std::nullopt;
  cursor.skip(position);
  return header;
}

/// The length of a group whose contents the cursor stands at.
std::optional<std::uint64_t> group_length(FileCursor& cursor, std::uint64_t end,
                                          std::uint32_t number) {
  const std::uint64_t start = cursor.position();
  const bool ends = skip_group(number, [&] {
    const auto header = header_at(cursor, end);
    if (header && header->type != 0) cursor.skip(header->value);
    return header;
  });
  const std::uint64_t length = cursor.position() - start;
  cursor.rewind(start);
  if (!ends) return std::nullopt;
  return length;
}

/// Parts of a file back to back.
class JoinedFile final : public File {
 public:
  explicit JoinedFile(std::vector<FileRange> parts) : parts_(std::move(parts)) {
    for (const FileRange& part : parts_) {
      starts_.push_back(size_);
      size_ += part.length;
    }
  }

  const std::string& name() const override { return parts_[0].file->name(); }
  std::uint64_t size() const override { return size_; }
  FileIdentity identity() const override { return parts_[0].file->identity(); }
  void check_unchanged() const override { parts_[0].file->check_unchanged(); }

  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override {
    if (bytes.size() > size_ || offset > size_ - bytes.size())
      throw Error(ErrorCode::corrupt, "truncated", "a read past the last part").in_file(name());
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
    auto at =
        static_cast<std::size_t>(after - starts_.begin()) - (after == starts_.begin() ? 0 : 1);
    for (; !bytes.empty(); ++at) {
      const FileRange& part = parts_[at];
      const std::uint64_t inside = offset - starts_[at];
      const auto count = std::min<std::uint64_t>(bytes.size(), part.length - inside);
      part.file->read_at(part.offset + inside, bytes.first(static_cast<std::size_t>(count)));
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      offset += count;
    }
  }

 private:
  std::vector<FileRange> parts_;
  std::vector<std::uint64_t> starts_;
  std::uint64_t size_ = 0;
};

}  // namespace

std::optional<Field> next_field(FileCursor& cursor, std::uint64_t end) {
  const std::uint64_t start = cursor.position();
  const auto header = header_at(cursor, end);
  if (header && header->type != 4) {
    Field field{header->number, static_cast<Type>(header->type), header->value};
    if (field.type != Type::group) return field;
    if (const auto length = group_length(cursor, end, field.number)) {
      field.value = *length;
      return field;
    }
  }
  cursor.rewind(start);
  return std::nullopt;
}

Error broken_field(FileCursor& cursor, std::uint64_t end) {
  const std::uint64_t at = cursor.position();
  // A header that is only cut is whole with anything behind it.
  const std::string completed = std::string(cursor.peek(kLongestHeader).substr(0, end - at)) +
                                std::string(kLongestHeader, '\0');
  std::size_t position = 0;
  const auto header = next_header(completed, position);
  if (end == cursor.file().size() && header && header->type != 4) {
    return Error(ErrorCode::corrupt, "truncated",
                 "the file ends inside the protobuf field at byte " + std::to_string(at));
  }
  return Error(ErrorCode::corrupt, "message",
               "malformed protobuf field at byte " + std::to_string(at));
}

void MergedMessage::add(const FileRange& part) {
  const Part added{part.offset, part.length};
  if (!std::exchange(present_, true) || first_.length == 0) {
    file_ = part.file;
    first_ = added;
  } else if (added.length != 0) {
    more_.push_back(added);
  }
}

FileRange MergedMessage::range() const {
  if (more_.empty()) return {file_, first_.offset, first_.length};
  std::vector<FileRange> parts{{file_, first_.offset, first_.length}};
  for (const Part& part : more_) parts.push_back({file_, part.offset, part.length});
  // A field may not reach from one part into the next.
  for (const FileRange& part : parts)
    for_each_field_of(part, [](const FileCursor&, const Field&) {});
  auto joined = std::make_shared<const JoinedFile>(std::move(parts));
  const std::uint64_t size = joined->size();
  return {std::move(joined), 0, size};
}

MergedMessage message_field(const FileRange& message, std::uint32_t number) {
  MergedMessage merged;
  for_each_field_of(message, [&](const FileCursor& cursor, const Field& field) {
    if (field.is(number, Type::bytes)) merged.add(contents(message, cursor, field));
  });
  return merged;
}

}  // namespace wire

}  // namespace tensorferry
