#include "object_header.h"

#include <algorithm>
#include <set>

#include "message_cursor.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::uint64_t kStart1 = 16, kSignature = 4, kChecksum = 4;

struct Block {
  std::uint64_t address, bytes;
};

class HeaderReader {
 public:
  HeaderReader(const File& file, std::uint64_t base) : file_(file), base_(base) {}

  std::vector<HeaderMessage> read(std::uint64_t address, std::vector<SealedBlock>* sealed) {
    start(address);
    while (!blocks_.empty()) {
      const Block block = blocks_.back();
      blocks_.pop_back();
      const std::string bytes = read_block(block);
      std::string_view messages = bytes;
      std::uint64_t offset = base_ + block.address;
      if (version2_ && sealed != nullptr) {
        sealed->push_back(first_ ? SealedBlock{base_ + address,
                                               offset + block.bytes + kChecksum - (base_ + address)}
                                 : SealedBlock{offset, block.bytes});
      }
      if (version2_ && !first_) {
        if (bytes.size() < kSignature + kChecksum || !bytes.starts_with("OCHK"))
          refuse_header("has a continuation block that does not begin with \"OCHK\"");
        messages = messages.substr(kSignature, bytes.size() - kSignature - kChecksum);
        offset += kSignature;
      }
      first_ = false;
      take_messages(messages, offset);
    }
    return std::move(messages_);
  }

 private:
  // Finds the version and the first block.
  void start(std::uint64_t address) {
    if (address > file_.size() || base_ > file_.size() - address)
      refuse_header("lies outside the file");
    // A header of version 2 that is shorter than this lies before other things, or is cut off.
    const std::uint64_t most = 64, room = file_.size() - address - base_;
    const std::string bytes = file_.read_string(base_ + address, std::min(most, room));
    MessageCursor cursor(bytes);
    version2_ = bytes.starts_with("OHDR");
    if (!version2_) {
      if (cursor.number(1) != 1) refuse_header("has a version that is not known");
      cursor.take(7);
      blocks_.push_back({address + kStart1, cursor.number(4)});
      return;
    }
    cursor.take(kSignature);
    if (cursor.number(1) != 2) refuse_header("has a version that is not known");
    const std::uint64_t flags = cursor.number(1);
    ordered_ = (flags & 4) != 0;
    if (flags & 0x20) cursor.take(16);
    if (flags & 0x10) cursor.take(4);
    const std::uint64_t size = cursor.number(std::size_t{1} << (flags & 3));
    blocks_.push_back({address + bytes.size() - cursor.left(), size});
  }

  std::string read_block(const Block& block) {
    if (!met_.insert(block.address).second) refuse_header("leads in circles");
    if (block.bytes > kMostHeader - read_) {
      throw Error(ErrorCode::unsafe, "limit",
                  "an object header has more than " + std::to_string(kMostHeader) + " bytes");
    }
    read_ += block.bytes;
    if (block.address > file_.size() || base_ > file_.size() - block.address ||
        block.bytes > file_.size() - block.address - base_)
      refuse_header("reaches past the end of the file");
    return file_.read_string(base_ + block.address, block.bytes);
  }

  void take_messages(std::string_view block, std::uint64_t offset) {
    MessageCursor cursor(block);
    const std::size_t header = version2_ ? (ordered_ ? 6 : 4) : 8;
    while (cursor.left() >= header) {
      HeaderMessage message;
      message.type = static_cast<unsigned>(cursor.number(version2_ ? 1 : 2));
      const std::uint64_t size = cursor.number(2);
      message.shared = (cursor.number(1) & 2) != 0;
      cursor.take(version2_ ? (ordered_ ? 2 : 0) : 3);
      const std::string_view data = cursor.take(size);
      message.offset = offset + static_cast<std::uint64_t>(data.data() - block.data());
      if (message.type == HeaderMessage::kContinuation) {
        MessageCursor next(data);
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
  std::string_view name, type, space, elements;
  bool type_shared = false, space_shared = false;
};

AttributeParts attribute_parts(std::string_view data) {
  MessageCursor cursor(data);
  const std::uint64_t version = cursor.number(1);
  if (version < 1 || version > 3) refuse_header("has an attribute of a version that is not known");
  const std::uint64_t flags = cursor.number(1);
  const std::uint64_t name = cursor.number(2), type = cursor.number(2), space = cursor.number(2);
  if (version == 3) cursor.take(1);
  const auto padded = [&](std::uint64_t size) { return version == 1 ? (size + 7) / 8 * 8 : size; };
  AttributeParts parts;
  parts.name = cursor.take(padded(name)).substr(0, name);
  parts.name = parts.name.substr(0, parts.name.find('\0'));
  parts.type = cursor.take(padded(type));
  parts.type_shared = version > 1 && (flags & 1) != 0;
  parts.space = cursor.take(padded(space));
  parts.space_shared = version > 1 && (flags & 2) != 0;
  parts.elements = cursor.rest();
  return parts;
}

StoredFill fill_of(std::string_view data) {
  constexpr std::uint64_t kNever = 1;
  MessageCursor cursor(data);
  const std::uint64_t version = cursor.number(1);
  bool undefined = false, has_value = false;
  std::uint64_t written = 0;
  if (version == 3) {
    const std::uint64_t flags = cursor.number(1);
    written = flags >> 2 & 3;
    undefined = (flags & 0x10) != 0;
    has_value = (flags & 0x20) != 0;
  } else {
    cursor.take(1);
    written = cursor.number(1);
    const bool defined = cursor.number(1) != 0;
    undefined = version != 1 && !defined;
    has_value = version == 1 || defined;
  }
  StoredFill fill;
  if (has_value) {
    const std::uint64_t size = cursor.number(4);
    // Version 1 says "undefined" as a size below 0.
    if (size > INT32_MAX) {
      undefined = true;
    } else if (size != 0) {
      fill.value = cursor.take(size);
    }
  }
  fill.undefined = undefined;
  fill.never = written == kNever;
  return fill;
}

void check_link(const HeaderMessage& message) {
  constexpr std::uint64_t kHard = 0, kSoft = 1, kLeastOfUsers = 64;
  MessageCursor cursor(message.data);
  const std::uint64_t version = cursor.number(1), flags = cursor.number(1);
  const std::uint64_t kind = (flags & 8) != 0 ? cursor.number(1) : kHard;
  if (flags & 4) cursor.take(8);
  const std::uint64_t charset = (flags & 0x10) != 0 ? cursor.number(1) : 0;
  const std::uint64_t name = cursor.number(std::size_t{1} << (flags & 3));
  if (message.shared || version != 1 || flags > 0x1f || charset > 1 || name == 0 ||
      (kind > kSoft && kind < kLeastOfUsers))
    refuse_header("has a link that is malformed");
  cursor.take(name);
  const std::uint64_t target = kind == kHard ? 8 : cursor.number(2);
  if (kind == kSoft && target == 0) refuse_header("has a link to nothing");
  cursor.take(target);
}

void check_attribute(const HeaderMessage& message) {
  if (message.shared) return;
  const AttributeParts parts = attribute_parts(message.data);
  if (parts.space_shared) return;
  // | version: u8 | rank: u8 | flags: u8 | version 1: 5 bytes, 2: 1 | extents: u64 | flags & 1: the
  // same of the largest ones |
  MessageCursor space(parts.space);
  const std::uint64_t version = space.number(1), rank = space.number(1), flags = space.number(1);
  space.take(version == 1 ? 5 : 1);
  space.take(rank * ((flags & 1) != 0 ? 16 : 8));
}

void check_layout(const HeaderMessage& message) {
  constexpr std::uint64_t kChunked = 2, kMostBytesOfExtent = 8;
  if (message.shared) refuse_header("has a layout in a shared message");
  MessageCursor cursor(message.data);
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
  if (bytes == 0 || bytes > kMostBytesOfExtent)
    refuse_header("has extents of chunks of no known size");
  for (; extents > 0; --extents) {
    if (cursor.number(bytes) == 0) refuse_header("has chunks that are empty");
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
  return HeaderReader(file, base).read(address, nullptr);
}

std::vector<HeaderMessage> object_header(const File& file, std::uint64_t base,
                                         std::uint64_t address, std::vector<SealedBlock>& blocks) {
  return HeaderReader(file, base).read(address, &blocks);
}

std::optional<std::uint64_t> shared_with(std::string_view data) {
  constexpr std::uint64_t kTable = 1;
  MessageCursor cursor(data);
  const std::uint64_t version = cursor.number(1), kind = cursor.number(1);
  if (version < 1 || version > 3) refuse_header("has a shared message of no known version");
  if (version == 3 && kind == kTable) return std::nullopt;
  if (version == 1) cursor.take(6);
  return cursor.number(8);
}

AttributeType attribute_type(std::string_view data) {
  const AttributeParts parts = attribute_parts(data);
  return {static_cast<std::size_t>(parts.type.data() - data.data()), parts.type.size(),
          parts.type_shared};
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
    MessageCursor cursor(message.data);
    const bool old = cursor.number(1) < 3;
    const std::uint64_t extents = old ? cursor.number(1) : 0;
    if (cursor.number(1) != 0) continue;
    if (old) cursor.take(5 + 4 * extents);
    return cursor.take(cursor.number(old ? 4 : 2));
  }
  return std::nullopt;
}

bool is_virtual(const std::vector<HeaderMessage>& messages) {
  constexpr std::uint64_t kVirtual = 3;
  return std::any_of(messages.begin(), messages.end(), [](const HeaderMessage& message) {
    if (message.type != HeaderMessage::kLayout || message.shared) return false;
    MessageCursor cursor(message.data);
    return cursor.number(1) >= 4 && cursor.number(1) == kVirtual;
  });
}

StoredFill stored_fill(const std::vector<HeaderMessage>& messages) {
  const HeaderMessage* found = nullptr;
  for (const HeaderMessage& message : messages) {
    const bool old = message.type == HeaderMessage::kOldFill;
    if (message.type == HeaderMessage::kFill || (old && found == nullptr)) found = &message;
  }
  if (found == nullptr) return {};
  if (found->shared) {
    throw Error(ErrorCode::unsupported, "shared_message",
                "its fill value is shared with other objects");
  }
  if (found->type == HeaderMessage::kFill) return fill_of(found->data);
  MessageCursor cursor(found->data);
  StoredFill fill;
  if (const std::uint64_t size = cursor.number(4); size != 0) fill.value = cursor.take(size);
  return fill;
}

}  // namespace tensorferry::hdf5
