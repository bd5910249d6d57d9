#include "npz_wire.h"

#include "util/fields.h"
#include "util/text.h"

namespace tensorferry::npz {
namespace {

constexpr std::uint32_t kAllOnes = 0xFFFFFFFF;
constexpr std::uint16_t kVersion = 20, kZip64Version = 45;
constexpr std::uint16_t kUtf8 = 0x800;
constexpr std::uint16_t kStored = 0, kDeflated = 8;
constexpr std::uint16_t kUnix = 3 << 8;
constexpr std::uint32_t kMode = 0100644u << 16;  // a plain file, readable by all
constexpr std::uint32_t kDate = 0x0021u << 16;   // 1980-01-01 00:00
constexpr std::uint16_t kZip64Extra = 1, kPaddingExtra = 0xD935;
constexpr std::size_t kLeastPadding = 6;
// "PK" and two more bytes.
constexpr std::uint32_t kLocalSignature = 0x04034B50, kCentralSignature = 0x02014B50,
                        kEndSignature = 0x06054B50, kEnd64Signature = 0x06064B50,
                        kLocatorSignature = 0x07064B50;

std::uint32_t small(std::uint64_t value) {
  return needs_zip64(value) ? kAllOnes : static_cast<std::uint32_t>(value);
}

// The fields that both headers have in common, from the version on.
void put_common(Fields<>& out, const Member& member, bool large, std::uint32_t stored,
                std::uint32_t size, std::size_t extra) {
  out.put(large ? kZip64Version : kVersion, 2)
      .put(is_ascii(member.name) ? 0 : kUtf8, 2)
      .put(member.deflated ? kDeflated : kStored, 2)
      .put(kDate, 4)
      .put(member.crc32, 4)
      .put(stored, 4)
      .put(size, 4)
      .put(member.name.size(), 2)
      .put(extra, 2);
}

/// Bytes of an extra field behind which a multiple of the alignment begins; 0 = it does at `end`.
std::size_t padding_size(std::uint64_t end) {
  const auto bytes = static_cast<std::size_t>((alignment - end % alignment) % alignment);
  return bytes == 0 || bytes >= kLeastPadding ? bytes : bytes + alignment;
}

void append_padding(std::string& out, std::size_t bytes) {
  if (bytes == 0) return;
  out += Fields<>().put(kPaddingExtra, 2).put(bytes - 4, 2).put(alignment, 2);
  out.append(bytes - kLeastPadding, '\0');
}

}  // namespace

bool needs_zip64(std::uint64_t bytes) { return bytes >= kAllOnes; }

std::string local_header(const Member& member, bool aligned, std::size_t more) {
  constexpr std::size_t kFixed = 30, kZip64 = 20;
  const std::size_t plain = kFixed + member.name.size() + (member.large ? kZip64 : 0);
  const std::size_t padding = aligned ? padding_size(member.offset + plain) : 0;
  Fields<> fields;
  fields.put(kLocalSignature, 4);
  put_common(fields, member, member.large, member.large ? kAllOnes : small(member.stored),
             member.large ? kAllOnes : small(member.size), (member.large ? kZip64 : 0) + padding);
  std::string out;
  out.reserve(plain + padding + more);
  append(out, {fields, member.name});
  if (member.large) {
    out +=
        Fields<>().put(kZip64Extra, 2).put(kZip64 - 4, 2).put(member.size, 8).put(member.stored, 8);
  }
  append_padding(out, padding);
  return out;
}

void append_central_header(std::string& out, const Member& member) {
  Fields<> large_numbers;
  for (const std::uint64_t value : {member.size, member.stored, member.offset}) {
    if (needs_zip64(value)) large_numbers.put(value, 8);
  }
  const std::string_view extra = large_numbers;
  const bool large = member.large || !extra.empty();
  Fields<> fields;
  fields.put(kCentralSignature, 4).put(kUnix | (large ? kZip64Version : kVersion), 2);
  put_common(fields, member, large, small(member.stored), small(member.size),
             extra.empty() ? 0 : extra.size() + 4);
  fields
      .put(0, 6)  // comment, disk, internal attributes
      .put(kMode, 4)
      .put(small(member.offset), 4);
  append(out, {fields, member.name});
  if (extra.empty()) return;
  append(out, {Fields<>().put(kZip64Extra, 2).put(extra.size(), 2), extra});
}

std::string end_records(std::uint64_t members, std::uint64_t bytes, std::uint64_t offset,
                        std::string_view comment) {
  constexpr std::uint64_t kMostMembers = 0xFFFF;
  std::string out;
  const bool many = members >= kMostMembers;
  if (many || needs_zip64(bytes) || needs_zip64(offset)) {
    out += Fields<>()
               .put(kEnd64Signature, 4)
               .put(44, 8)
               .put(kUnix | kZip64Version, 2)
               .put(kZip64Version, 2)
               .put(0, 8)
               .put(members, 8)
               .put(members, 8)
               .put(bytes, 8)
               .put(offset, 8);
    out += Fields<>().put(kLocatorSignature, 4).put(0, 4).put(offset + bytes, 8).put(1, 4);
  }
  out += Fields<>()
             .put(kEndSignature, 4)
             .put(0, 4)
             .put(many ? kMostMembers : members, 2)
             .put(many ? kMostMembers : members, 2)
             .put(small(bytes), 4)
             .put(small(offset), 4)
             .put(comment.size(), 2);
  return out += comment;
}

}  // namespace tensorferry::npz
