#include "npz_wire.h"

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
  for (unsigned i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 255);
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

std::string padding(std::uint64_t end) {
  std::uint64_t bytes = (alignment - end % alignment) % alignment;
  if (bytes == 0) return {};
  if (bytes < kLeastPadding) bytes += alignment;
  std::string field;
  put(field, kPaddingExtra, 2);
  put(field, bytes - 4, 2);
  put(field, alignment, 2);
  field.resize(bytes, '\0');
  return field;
}

}  // namespace

bool needs_zip64(std::uint64_t bytes) { return bytes >= kAllOnes; }

std::string u32(std::uint32_t value) {
  std::string bytes;
  put(bytes, value, 4);
  return bytes;
}

std::string local_header(const Member& member, bool aligned) {
  constexpr std::uint64_t kFixed = 30;
  std::string extra;
  if (member.large) {
    put(extra, kZip64Extra, 2);
    put(extra, 16, 2);
    put(extra, member.size, 8);
    put(extra, member.stored, 8);
  }
  if (aligned) extra += padding(member.offset + kFixed + member.name.size() + extra.size());
  std::string out = "PK\x03\x04";
  put_common(out, member, member.large, member.large ? kAllOnes : small(member.stored),
             member.large ? kAllOnes : small(member.size), extra.size());
  return out + member.name + extra;
}

std::string central_header(const Member& member) {
  std::string fields;
  for (std::uint64_t value : {member.size, member.stored, member.offset}) {
    if (needs_zip64(value)) put(fields, value, 8);
  }
  std::string extra;
  if (!fields.empty()) {
    put(extra, kZip64Extra, 2);
    put(extra, fields.size(), 2);
    extra += fields;
  }
  const bool large = member.large || !fields.empty();
  std::string out = "PK\x01\x02";
  put(out, kUnix | (large ? kZip64Version : kVersion), 2);
  put_common(out, member, large, small(member.stored), small(member.size), extra.size());
  put(out, 0, 6);  // comment, disk, internal attributes
  put(out, kMode, 4);
  put(out, small(member.offset), 4);
  return out + member.name + extra;
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
