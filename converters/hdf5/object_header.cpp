#include "object_header.h"

#include <algorithm>
#include <set>

#include "tensorferry/error.h"
#include "tensorferry/values.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::uint64_t kStart1 = 16, kSignature = 4, kChecksum = 4;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::corrupt, "hdf5_header", "an object header " + why);
}

/// The front of what is left of some bytes.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : left_(bytes) {}

  std::size_t left() const { return left_.size(); }
  std::string_view take(std::uint64_t count) {
    if (count > left_.size()) refuse("has a message that is cut off");
    const std::string_view front = left_.substr(0, count);
    left_.remove_prefix(count);
    return front;
  }
  std::uint64_t number(std::size_t bytes) {
    return little_endian(reinterpret_cast<const std::byte*>(take(bytes).data()), bytes);
  }
  std::string_view rest() const { return left_; }

 private:
  std::string_view left_;
};

struct Block {
  std::uint64_t address, bytes;
};

class HeaderReader {
 public:
  HeaderReader(const File& file, std::uint64_t base) : file_(file), base_(base) {}

  std::vector<HeaderMessage> read(std::uint64_t address) {
    start(address);
    while (!blocks_.empty()) {
      const Block block = blocks_.back();
      blocks_.pop_back();
      const std::string bytes = read_block(block);
      std::string_view messages = bytes;
      if (version2_ && !first_) {
        if (bytes.size() < kSignature + kChecksum || !bytes.starts_with("OCHK"))
          refuse("is continued by something else");
        messages = messages.substr(kSignature, bytes.size() - kSignature - kChecksum);
      }
      first_ = false;
      take_messages(Cursor(messages));
    }
    return std::move(messages_);
  }

 private:
  // Finds the version and the first block.
  void start(std::uint64_t address) {
    if (address > file_.size() || base_ > file_.size() - address) refuse("lies outside the file");
    // A header of version 2 that is shorter than this lies before other things, or is cut off.
    const std::uint64_t most = 64, room = file_.size() - address - base_;
    const std::string bytes = file_.read_string(base_ + address, std::min(most, room));
    Cursor cursor(bytes);
    version2_ = bytes.starts_with("OHDR");
    if (!version2_) {
      if (cursor.number(1) != 1) refuse("has a version that is not known");
      cursor.take(7);
      blocks_.push_back({address + kStart1, cursor.number(4)});
      return;
    }
    cursor.take(kSignature);
    if (cursor.number(1) != 2) refuse("has a version that is not known");
    const std::uint64_t flags = cursor.number(1);
    ordered_ = (flags & 4) != 0;
    if (flags & 0x20) cursor.take(16);
    if (flags & 0x10) cursor.take(4);
    const std::uint64_t size = cursor.number(std::size_t{1} << (flags & 3));
    blocks_.push_back({address + bytes.size() - cursor.left(), size});
  }

  std::string read_block(const Block& block) {
    if (!met_.insert(block.address).second) refuse("leads in circles");
    if (block.bytes > kMostHeader - read_) {
      throw Error(ErrorCode::unsafe, "limit",
                  "an object header has more than " + std::to_string(kMostHeader) + " bytes");
    }
    read_ += block.bytes;
    if (block.address > file_.size() || base_ > file_.size() - block.address ||
        block.bytes > file_.size() - block.address - base_)
      refuse("reaches past the end of the file");
    return file_.read_string(base_ + block.address, block.bytes);
  }

  void take_messages(Cursor cursor) {
    const std::size_t header = version2_ ? (ordered_ ? 6 : 4) : 8;
    while (cursor.left() >= header) {
      HeaderMessage message;
      message.type = static_cast<unsigned>(cursor.number(version2_ ? 1 : 2));
      const std::uint64_t size = cursor.number(2);
      message.shared = (cursor.number(1) & 2) != 0;
      cursor.take(version2_ ? (ordered_ ? 2 : 0) : 3);
      const std::string_view data = cursor.take(size);
      if (message.type == HeaderMessage::kContinuation) {
        Cursor next(data);
        const std::uint64_t address = next.number(8);
        blocks_.push_back({address, next.number(8)});
        continue;
      }
      message.data = data;
      messages_.push_back(std::move(message));
    }
  }

  const File& file_;
  std::uint64_t base_, read_ = 0;
  bool version2_ = false, ordered_ = false, first_ = true;
  std::vector<Block> blocks_;
  std::set<std::uint64_t> met_;
  std::vector<HeaderMessage> messages_;
};

struct AttributeParts {
  std::string_view name, space, elements;
  bool space_shared = false;
};

AttributeParts attribute_parts(std::string_view data) {
  Cursor cursor(data);
  const std::uint64_t version = cursor.number(1);
  if (version < 1 || version > 3) refuse("has an attribute of a version that is not known");
  const std::uint64_t flags = cursor.number(1);
  const std::uint64_t name = cursor.number(2), type = cursor.number(2), space = cursor.number(2);
  if (version == 3) cursor.take(1);
  const auto padded = [&](std::uint64_t size) { return version == 1 ? (size + 7) / 8 * 8 : size; };
  AttributeParts parts;
  parts.name = cursor.take(padded(name)).substr(0, name);
  parts.name = parts.name.substr(0, parts.name.find('\0'));
  cursor.take(padded(type));
  parts.space = cursor.take(padded(space));
  parts.space_shared = version > 1 && (flags & 2) != 0;
  parts.elements = cursor.rest();
  return parts;
}

std::optional<std::string_view> fill_of(std::string_view data) {
  Cursor cursor(data);
  const std::uint64_t version = cursor.number(1);
  if (version == 3) {
    if ((cursor.number(1) & 0x20) == 0) return std::nullopt;
  } else {
    cursor.take(2);
    const bool defined = cursor.number(1) != 0;
    if (version != 1 && !defined) return std::nullopt;
  }
  const std::uint64_t size = cursor.number(4);
  // Version 1 and others say "not defined" as a size below 0.
  if (size == 0 || size > INT32_MAX) return std::nullopt;
  return cursor.take(size);
}

void check_link(const HeaderMessage& message) {
  constexpr std::uint64_t kHard = 0, kSoft = 1, kLeastOfUsers = 64;
  Cursor cursor(message.data);
  const std::uint64_t version = cursor.number(1), flags = cursor.number(1);
  const std::uint64_t kind = (flags & 8) != 0 ? cursor.number(1) : kHard;
  if (flags & 4) cursor.take(8);
  const std::uint64_t charset = (flags & 0x10) != 0 ? cursor.number(1) : 0;
  const std::uint64_t name = cursor.number(std::size_t{1} << (flags & 3));
  if (message.shared || version != 1 || flags > 0x1f || charset > 1 || name == 0 ||
      (kind > kSoft && kind < kLeastOfUsers))
    refuse("has a link that is malformed");
  cursor.take(name);
  const std::uint64_t target = kind == kHard ? 8 : cursor.number(2);
  if (kind == kSoft && target == 0) refuse("has a link to nothing");
  cursor.take(target);
}

void check_attribute(const HeaderMessage& message) {
  if (message.shared) return;
  const AttributeParts parts = attribute_parts(message.data);
  if (parts.space_shared) return;
  // | version: u8 | rank: u8 | flags: u8 | version 1: 5 bytes, 2: 1 | extents: u64 | flags & 1: the
  // same of the largest ones |
  Cursor space(parts.space);
  const std::uint64_t version = space.number(1), rank = space.number(1), flags = space.number(1);
  space.take(version == 1 ? 5 : 1);
  space.take(rank * ((flags & 1) != 0 ? 16 : 8));
}

void check_layout(const HeaderMessage& message) {
  constexpr std::uint64_t kChunked = 2, kMostBytesOfExtent = 8;
  if (message.shared) refuse("has a layout in a shared message");
  Cursor cursor(message.data);
  const std::uint64_t version = cursor.number(1);
  std::uint64_t extents = version < 3 ? cursor.number(1) : 0, bytes = 4;
  if (cursor.number(1) != kChunked) return;
  if (version < 3) {
    cursor.take(5 + 8);
  } else if (version == 3) {
    extents = cursor.number(1);
    cursor.take(8);
  } else {
    cursor.take(1);
    extents = cursor.number(1);
    bytes = cursor.number(1);
  }
  if (bytes == 0 || bytes > kMostBytesOfExtent) refuse("has extents of chunks of no known size");
  for (; extents > 0; --extents) {
    if (cursor.number(bytes) == 0) refuse("has chunks that are empty");
  }
}

}  // namespace

void check_messages(const std::vector<HeaderMessage>& messages) {
  for (const HeaderMessage& message : messages) {
    if (message.type == HeaderMessage::kAttribute) check_attribute(message);
    if (message.type == HeaderMessage::kLink) check_link(message);
    if (message.type == HeaderMessage::kLayout) check_layout(message);
  }
}

std::vector<HeaderMessage> object_header(const File& file, std::uint64_t base,
                                         std::uint64_t address) {
  return HeaderReader(file, base).read(address);
}

std::optional<std::string_view> stored_attribute(const std::vector<HeaderMessage>& messages,
                                                 std::string_view name) {
  for (const HeaderMessage& message : messages) {
    if (message.type != HeaderMessage::kAttribute || message.shared) continue;
    const AttributeParts parts = attribute_parts(message.data);
    if (parts.name == name) return parts.elements;
  }
  return std::nullopt;
}

std::optional<std::string_view> stored_compact(const std::vector<HeaderMessage>& messages) {
  for (const HeaderMessage& message : messages) {
    if (message.type != HeaderMessage::kLayout || message.shared) continue;
    // | version: u8 | class: u8 | size: u16 | elements |, since release 1.6
    Cursor cursor(message.data);
    if (cursor.number(1) < 3 || cursor.number(1) != 0) continue;
    return cursor.take(cursor.number(2));
  }
  return std::nullopt;
}

bool is_virtual(const std::vector<HeaderMessage>& messages) {
  constexpr std::uint64_t kVirtual = 3;
  return std::any_of(messages.begin(), messages.end(), [](const HeaderMessage& message) {
    if (message.type != HeaderMessage::kLayout || message.shared) return false;
    Cursor cursor(message.data);
    return cursor.number(1) >= 4 && cursor.number(1) == kVirtual;
  });
}

std::optional<std::string_view> stored_fill(const std::vector<HeaderMessage>& messages) {
  for (const HeaderMessage& message : messages) {
    const bool old = message.type == HeaderMessage::kOldFill;
    if (!old && message.type != HeaderMessage::kFill) continue;
    if (message.shared) {
      throw Error(ErrorCode::unsupported, "shared_message",
                  "its fill value is shared with other objects");
    }
    if (!old) {
      if (const auto fill = fill_of(message.data)) return fill;
      continue;
    }
    Cursor cursor(message.data);
    if (const std::uint64_t size = cursor.number(4); size != 0) return cursor.take(size);
  }
  return std::nullopt;
}

}  // namespace tensorferry::hdf5
