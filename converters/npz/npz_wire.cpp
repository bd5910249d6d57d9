#include "npz_wire.h"

#include <iterator>

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

void put(std::string& out, std::uint64_t value, unsigned bytes) {
  char little[sizeof value];
  for (unsigned i = 0; i < bytes; ++i) little[i] = static_cast<char>(value >> (8 * i) & 255);
  out.append(std::begin(little), bytes);
}

bool is_ascii(std::string_view text) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

std::uint32_t small(std::uint64_t value) {
  return needs_zip64(value) ? kAllOnes : static_cast<std::uint32_t>(value);
}

// The fields that both headers have in common, from the version on.
void put_common(std::string& out, const Member& member, bool large, std::uint32_t stored,
                std::uint32_t size, std::size_t extra) {
  put(out, large ? kZip64Version : kVersion, 2);
  put(out, is_ascii(member.name) ? 0 : kUtf8, 2);
  put(out, member.deflated ? kDeflated : kStored, 2);
  put(out, kDate, 4);
  put(out, member.crc32, 4);
  put(out, stored, 4);
  put(out, size, 4);
  put(out, member.name.size(), 2);
  put(out, extra, 2);
}

/// Bytes of an extra field behind which a multiple of the alignment begins; 0 = it does at `end`.
std::size_t padding_size(std::uint64_t end) {
  const auto bytes = static_cast<std::size_t>((alignment - end % alignment) % alignment);
  return bytes == 0 || bytes >= kLeastPadding ? bytes : bytes + alignment;
}

void put_padding(std::string& out, std::size_t bytes) {
  if (bytes == 0) return;
  put(out, kPaddingExtra, 2);
  put(out, bytes - 4, 2);
  put(out, alignment, 2);
  out.append(bytes - kLeastPadding, '\0');
}

}  // namespace

bool needs_zip64(std::uint64_t bytes) { return bytes >= kAllOnes; }

std::string u32(std::uint32_t value) {
  std::string bytes;
  put(bytes, value, 4);
  return bytes;
}

std::string local_header(const Member& member, bool aligned, std::size_t more) {
  constexpr std::size_t kFixed = 30, kZip64 = 20;
  const std::size_t plain = kFixed + member.name.size() + (member.large ? kZip64 : 0);
  const std::size_t padding = aligned ? padding_size(member.offset + plain) : 0;
  std::string out;
  out.reserve(plain + padding + more);
  out += "PK\x03\x04";
  put_common(out, member, member.large, member.large ? kAllOnes : small(member.stored),
             member.large ? kAllOnes : small(member.size), (member.large ? kZip64 : 0) + padding);
  out += member.name;
  if (member.large) {
    put(out, kZip64Extra, 2);
    put(out, kZip64 - 4, 2);
    put(out, member.size, 8);
    put(out, member.stored, 8);
  }
  put_padding(out, padding);
  return out;
}

void append_central_header(std::string& out, const Member& member) {
  std::size_t extra = 0;
  for (const std::uint64_t value : {member.size, member.stored, member.offset}) {
    if (needs_zip64(value)) extra += sizeof value;
  }
  if (extra > 0) extra += 4;
  const bool large = member.large || extra > 0;
  out += "PK\x01\x02";
  put(out, kUnix | (large ? kZip64Version : kVersion), 2);
  put_common(out, member, large, small(member.stored), small(member.size), extra);
  put(out, 0, 6);  // comment, disk, internal attributes
  put(out, kMode, 4);
  put(out, small(member.offset), 4);
  out += member.name;
  if (extra == 0) return;
  put(out, kZip64Extra, 2);
  put(out, extra - 4, 2);
  for (const std::uint64_t value : {member.size, member.stored, member.offset}) {
    if (needs_zip64(value)) put(out, value, sizeof value);
  }
}

std::string end_records(std::uint64_t members, std::uint64_t bytes, std::uint64_t offset,
                        std::string_view comment) {
  constexpr std::uint64_t kMostMembers = 0xFFFF;
  std::string out;
  const bool many = members >= kMostMembers;
  if (many || needs_zip64(bytes) || needs_zip64(offset)) {
    out = "PK\x06\x06";
    put(out, 44, 8);
    put(out, kUnix | kZip64Version, 2);
    put(out, kZip64Version, 2);
    put(out, 0, 8);
    put(out, members, 8);
    put(out, members, 8);
    put(out, bytes, 8);
    put(out, offset, 8);
    out += "PK\x06\x07";
    put(out, 0, 4);
    put(out, offset + bytes, 8);
    put(out, 1, 4);
  }
  out += "PK\x05\x06";
  put(out, 0, 4);
  put(out, many ? kMostMembers : members, 2);
  put(out, many ? kMostMembers : members, 2);
  put(out, small(bytes), 4);
  put(out, small(offset), 4);
  put(out, comment.size(), 2);
  return out + std::string(comment);
}

}  // namespace tensorferry::npz
