#include "util/zip_directory.h"

#include <algorithm>

namespace tensorferry::zip {
namespace {

constexpr std::uint32_t kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr std::uint64_t kEndBytes = 22, kEnd64Bytes = 56, kLocator64Bytes = 20;
constexpr std::uint64_t kMostComment = 0xFFFF;

std::string signature(std::uint32_t value) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift & 255);
  return bytes;
}

/// The end record is found from the back. Programs differ in which one they take if there are two,
/// so there must be one: none within the comment of another.
std::uint64_t find_end(const File& file, std::string_view tail) {
  const std::uint64_t from = file.size() - tail.size();
  const std::string mark = signature(end_mark);
  const std::size_t last = tail.rfind(mark);
  if (last == std::string_view::npos || tail.size() - last < kEndBytes) {
    corrupt("there is no end record: it is cut off, or no zip archive");
  }
  for (std::size_t at = tail.find(mark); at < last; at = tail.find(mark, at + 1)) {
    if (at + kEndBytes + u16(tail, at + 20) > last) {
      corrupt("it has two end records, at " + std::to_string(from + at) + " and " +
              std::to_string(from + last));
    }
  }
  return from + last;
}

void same(std::uint64_t small, std::uint64_t escape, std::uint64_t large, const char* what) {
  if (small == escape || small == large) return;
  corrupt(std::string("the end record and its zip64 form differ in the ") + what);
}

void read_end64(const File& file, std::uint64_t end, std::string_view record, bool allow_prefix,
                Directory& directory, std::uint64_t& directory_end) {
  if (end < kLocator64Bytes) return;
  const std::uint64_t locator_at = end - kLocator64Bytes;
  const std::string locator = file.read_string(locator_at, kLocator64Bytes);
  if (u32(locator, 0) != kLocator64) return;
  std::uint64_t at = u64(locator, 8);
  if (u32(locator, 4) != 0 || u32(locator, 16) > 1) {
    throw Error(ErrorCode::unsupported, "zip_volumes", "it is one volume of a split zip archive");
  }
  if (locator_at < kEnd64Bytes || at > locator_at - kEnd64Bytes) {
    corrupt("the zip64 locator points behind itself");
  }
  std::string large = file.read_string(at, kEnd64Bytes);
  if (allow_prefix && u32(large, 0) != kEnd64) {
    at = locator_at - kEnd64Bytes;
    large = file.read_string(at, kEnd64Bytes);
  }
  if (u32(large, 0) != kEnd64 || u64(large, 4) != locator_at - at - 12) {
    corrupt("the zip64 locator does not point to a zip64 end record before it");
  }
  if (u32(large, 16) != 0 || u32(large, 20) != 0 || u64(large, 24) != u64(large, 32)) {
    throw Error(ErrorCode::unsupported, "zip_volumes", "it is one volume of a split zip archive");
  }
  same(u16(record, 10), 0xFFFF, u64(large, 32), "number of members");
  same(u32(record, 12), all_ones, u64(large, 40), "size of the directory");
  same(u32(record, 16), all_ones, u64(large, 48), "offset of the directory");
  directory.entries = u64(large, 32);
  directory.bytes = u64(large, 40);
  directory.offset = u64(large, 48);
  directory_end = at;
}

}  // namespace

void corrupt(const std::string& why) { throw Error(ErrorCode::corrupt, "zip", "zip: " + why); }

Directory find_directory(const File& file, const ZipRules& rules) {
  const std::uint64_t window = std::min(file.size(), kEndBytes + kMostComment);
  const std::string tail = file.read_string(file.size() - window, window);
  const std::uint64_t end = find_end(file, tail);
  const std::string_view record = std::string_view(tail).substr(end - (file.size() - window));
  Directory directory;
  if (u16(record, 4) != 0 || u16(record, 6) != 0 || u16(record, 8) != u16(record, 10)) {
    if (u16(record, 4) == 0 && u16(record, 6) == 0)
      corrupt("the end record has two numbers of members");
    throw Error(ErrorCode::unsupported, "zip_volumes", "it is one volume of a split zip archive");
  }
  directory.entries = u16(record, 10);
  directory.bytes = u32(record, 12);
  directory.offset = u32(record, 16);
  const std::uint64_t comment = u16(record, 20);
  if (comment > record.size() - kEndBytes) corrupt("its comment is cut off");
  directory.comment = record.substr(kEndBytes, comment);
  directory.trailing = record.size() - kEndBytes - comment;
  std::uint64_t directory_end = end;
  read_end64(file, end, record, rules.allow_prefix, directory, directory_end);
  if (directory.bytes > directory_end || directory.offset > directory_end - directory.bytes) {
    corrupt("the directory of " + std::to_string(directory.bytes) + " bytes at offset " +
            std::to_string(directory.offset) + " does not end before the end record at " +
            std::to_string(directory_end));
  }
  directory.shift = directory_end - directory.bytes - directory.offset;
  if (directory.shift != 0 && !rules.allow_prefix) {
    corrupt("there are " + std::to_string(directory.shift) +
            " bytes in front of it, or its directory is not where it says");
  }
  if (directory.bytes > rules.directory_bytes || directory.entries > rules.members) {
    throw Error(ErrorCode::unsafe, "limit",
                "the zip directory has " + std::to_string(directory.entries) + " members in " +
                    std::to_string(directory.bytes) + " bytes, the limits are " +
                    std::to_string(rules.members) + " and " +
                    std::to_string(rules.directory_bytes));
  }
  if (directory.entries > directory.bytes / central_bytes) {
    corrupt(std::to_string(directory.entries) + " members do not fit in a directory of " +
            std::to_string(directory.bytes) + " bytes");
  }
  return directory;
}

}  // namespace tensorferry::zip
