#include "header_patch.h"

#include <algorithm>

#include "datatype_message.h"
#include "lookup3.h"
#include "message_cursor.h"
#include "object_header.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::size_t kChecksum = 4;
// What 1.10 reads.
constexpr unsigned kNewestType = 3, kNewestLayout = 4;

// Of `bytes`, in which `type` was found.
void downgrade(const Datatype& type, std::string& bytes) {
  constexpr std::size_t kFront = 8, kSizeBytes = 4;
  if (type.version > kNewestType) {
    auto kind = static_cast<unsigned>(type.kind);
    if (type.kind == Datatype::Class::complex || type.kind == Datatype::Class::reference) {
      kind = static_cast<unsigned>(Datatype::Class::opaque);
      const std::size_t tag = type.end - type.begin - kFront;
      std::fill_n(&bytes[type.begin + 1], kFront - 1 - kSizeBytes, '\0');
      std::fill_n(&bytes[type.begin] + kFront, tag, '\0');
      bytes[type.begin + 1] = static_cast<char>(tag);
    }
    bytes[type.begin] = static_cast<char>(kNewestType << 4 | kind);
  }
  if (type.kind == Datatype::Class::complex) return;
  for (const Datatype& part : type.parts) downgrade(part, bytes);
}

// Whether 1.10 reads it: most are plain numbers.
bool is_old(std::string_view type) {
  const auto front = static_cast<unsigned char>(type.empty() ? '\0' : type.front());
  const auto kind = static_cast<Datatype::Class>(front & 0xf);
  return front >> 4 <= kNewestType && (kind < Datatype::Class::compound);
}

// What begins with a type, as 1.10 reads it.
std::string downgraded_type(std::string bytes) {
  if (is_old(bytes)) return bytes;
  try {
    downgrade(parse_datatype(bytes), bytes);
  } catch (const Error&) {
    // For the library to refuse.
  }
  return bytes;
}

// A single chunk has the same index in both versions; others keep more bytes of sizes.
std::string downgraded_layout(std::string bytes) {
  constexpr std::uint64_t kChunked = 2, kSingleChunk = 1;
  MessageCursor cursor(bytes);
  if (cursor.number(1) != kNewestLayout + 1 || cursor.number(1) != kChunked) return bytes;
  cursor.take(1);
  const std::uint64_t extents = cursor.number(1);
  cursor.take(extents * cursor.number(1));
  if (cursor.number(1) == kSingleChunk) bytes[0] = static_cast<char>(kNewestLayout);
  return bytes;
}

class Patcher {
 public:
  Patcher(const File& file, std::uint64_t base) : file_(file), base_(base) {}

  std::vector<HeaderPatch> run(const std::vector<HeaderMessage>& messages,
                               const std::vector<SealedBlock>& blocks) {
    for (const std::uint64_t address : patch(messages, blocks)) {
      std::vector<SealedBlock> sealed;
      const auto named = object_header(file_, base_, address, sealed);
      patch(named, sealed);
    }
    return std::move(patches_);
  }

 private:
  // Returns where named types lie that the header refers to.
  std::vector<std::uint64_t> patch(const std::vector<HeaderMessage>& messages,
                                   const std::vector<SealedBlock>& blocks) {
    std::vector<std::uint64_t> named;
    std::vector<HeaderPatch> changes;
    for (const HeaderMessage& message : messages) {
      std::string bytes = changed(message, named);
      if (!bytes.empty() && bytes != message.data)
        changes.push_back({message.offset, std::move(bytes)});
    }
    if (!changes.empty()) apply(std::move(changes), blocks);
    return named;
  }

  // Empty: no reason to change it.
  static std::string changed(const HeaderMessage& message, std::vector<std::uint64_t>& named) {
    if (message.type == HeaderMessage::kType) {
      if (!message.shared) return downgraded_type(message.data);
      add_named(message.data, named);
    } else if (message.type == HeaderMessage::kAttribute && !message.shared) {
      const AttributeType type = attribute_type(message.data);
      std::string stored = message.data.substr(type.offset, type.bytes);
      if (!type.shared) {
        std::string bytes = message.data;
        return bytes.replace(type.offset, type.bytes, downgraded_type(std::move(stored)));
      }
      add_named(stored, named);
    } else if (message.type == HeaderMessage::kLayout && !message.shared) {
      return downgraded_layout(message.data);
    }
    return {};
  }

  static void add_named(std::string_view shared, std::vector<std::uint64_t>& named) {
    if (const auto address = shared_with(shared)) named.push_back(*address);
  }

  void apply(std::vector<HeaderPatch> changes, const std::vector<SealedBlock>& blocks) {
    if (blocks.empty()) {
      // Of version 1: without checksums.
      std::move(changes.begin(), changes.end(), std::back_inserter(patches_));
      return;
    }
    for (const SealedBlock& block : blocks) {
      std::string bytes = file_.read_string(block.offset, block.bytes);
      const std::size_t sealed = bytes.size() - kChecksum;
      if (!is_sealed(bytes)) continue;
      bool changed = false;
      for (const HeaderPatch& change : changes) {
        if (change.offset < block.offset || change.offset - block.offset >= sealed) continue;
        bytes.replace(change.offset - block.offset, change.bytes.size(), change.bytes);
        changed = true;
      }
      if (!changed) continue;
      const std::uint32_t checksum = lookup3(std::string_view(bytes).substr(0, sealed));
      for (std::size_t i = 0; i < kChecksum; ++i)
        bytes[sealed + i] = static_cast<char>(checksum >> 8 * i);
      patches_.push_back({block.offset, std::move(bytes)});
    }
  }

  static bool is_sealed(std::string_view bytes) {
    const std::size_t sealed = bytes.size() - kChecksum;
    MessageCursor stored(bytes.substr(sealed));
    return stored.number(kChecksum) == lookup3(bytes.substr(0, sealed));
  }

  const File& file_;
  std::uint64_t base_;
  std::vector<HeaderPatch> patches_;
};

}  // namespace

std::vector<HeaderPatch> patches_for_library(const File& file, std::uint64_t base,
                                             const std::vector<HeaderMessage>& messages,
                                             const std::vector<SealedBlock>& blocks) {
  return Patcher(file, base).run(messages, blocks);
}

}  // namespace tensorferry::hdf5
