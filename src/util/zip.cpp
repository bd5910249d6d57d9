#include "util/zip.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "util/crc32.h"
#include "util/deflate.h"
#include "util/inflated_file.h"
#include "util/zip_directory.h"

namespace tensorferry {
namespace {

using namespace zip;

constexpr std::uint64_t kLocalBytes = 30;
constexpr std::uint16_t kStored = 0, kDeflated = 8;
constexpr std::uint16_t kEncrypted = 0x2041;  // of the member, strongly, or of the directory
constexpr std::uint16_t kDescriptor = 8;
constexpr std::uint16_t kNewestVersion = 63;  // as zipfile has it: 6.3
constexpr std::uint16_t kZip64Extra = 1;
constexpr std::uint64_t kInflatedAlways = std::uint64_t{4} << 30;

// --- Headers ----------------------------------------------------------------------------------

/// What a central and a local header both say.
struct Header {
  std::uint16_t version, flags, method;
  std::uint32_t crc;
  std::uint64_t stored, size, local;
};

/// Sizes of all ones are in the zip64 extra field, in this order, only those.
void read_extra64(std::string_view extra, std::vector<std::uint64_t*> wanted, bool lenient) {
  std::erase_if(wanted, [](const std::uint64_t* value) { return *value != all_ones; });
  bool found = false;
  while (extra.size() >= 4) {
    const std::uint16_t id = u16(extra, 0), length = u16(extra, 2);
    if (length > extra.size() - 4) {
      // Padding that is no extra field is harmless where nothing is needed from it.
      if (wanted.empty() || found) return;
      corrupt("an extra field is longer than all of them");
    }
    if (id == kZip64Extra && !found) {
      found = true;
      if (length < 8 * wanted.size()) corrupt("a zip64 extra field is too short");
      for (std::size_t i = 0; i < wanted.size(); ++i) *wanted[i] = u64(extra, 4 + 8 * i);
    } else if (id == kZip64Extra) {
      corrupt("a member has two zip64 extra fields");
    }
    extra.remove_prefix(4u + length);
  }
  if (!found && !wanted.empty() && !lenient) corrupt("a zip64 extra field is missing");
}

// The upper byte of a version is reserved.
std::uint16_t lowest_byte(std::uint16_t version) {
  return static_cast<std::uint16_t>(version & 255);
}

Header central_header(std::string_view bytes) {
  return {lowest_byte(u16(bytes, 6)),
          u16(bytes, 8),
          u16(bytes, 10),
          u32(bytes, 16),
          u32(bytes, 20),
          u32(bytes, 24),
          u32(bytes, 42)};
}

Header local_header(std::string_view bytes) {
  return {lowest_byte(u16(bytes, 4)),
          u16(bytes, 6),
          u16(bytes, 8),
          u32(bytes, 14),
          u32(bytes, 18),
          u32(bytes, 22),
          0};
}

void set_problem(ZipMember& member, const Header& header, const ZipRules& rules) {
  std::string_view detail;
  std::string why;
  if ((header.flags & kEncrypted) != 0) {
    detail = "zip_encrypted";
    why = "is encrypted";
  } else if (header.method != kStored && header.method != kDeflated) {
    detail = "zip_method";
    why = "is compressed by method " + std::to_string(header.method) +
          "; 0 (stored) and 8 (deflate) are read";
  } else if (header.version > kNewestVersion) {
    detail = "zip_version";
    why = "needs version " + std::to_string(header.version) + " of the zip format";
  } else {
    std::uint64_t limit = rules.inflated_limit;
    if (limit == 0) {
      limit = kInflatedAlways;
      if (member.stored > limit / kMostInflation)
        limit = std::max(limit, checked_multiply(member.stored, kMostInflation));
    }
    if (header.method == kStored || member.size <= limit) return;
    member.problem =
        Error(ErrorCode::unsafe, "limit",
              "inflates from " + std::to_string(member.stored) + " to " +
                  std::to_string(member.size) + " bytes, the limit is " + std::to_string(limit));
    return;
  }
  member.problem = Error(ErrorCode::unsupported, detail, std::move(why));
}

// --- Members ----------------------------------------------------------------------------------

/// The bytes of a member in the archive, header included.
struct Span {
  std::uint64_t begin, end;
};

class Members {
 public:
  Members(const File& file, const Directory& directory, const ZipRules& rules)
      : file_(file),
        directory_(directory),
        rules_(rules),
        end_(directory.offset + directory.shift) {}

  std::vector<ZipMember> read() {
    const std::string bytes = file_.read_string(end_, directory_.bytes);
    std::string_view rest = bytes;
    std::vector<ZipMember> members;
    for (std::uint64_t i = 0; i < directory_.entries; ++i) {
      if (rest.size() < central_bytes || u32(rest, 0) != central_mark) {
        corrupt("entry " + std::to_string(i) + " of the directory has no header");
      }
      const std::uint64_t length = central_bytes + u16(rest, 28) + u16(rest, 30) + u16(rest, 32);
      if (length > rest.size())
        corrupt("entry " + std::to_string(i) + " runs out of the directory");
      add(rest.substr(0, length), members);
      rest.remove_prefix(length);
    }
    if (!rest.empty()) {
      corrupt("the directory has " + std::to_string(rest.size()) + " bytes behind its " +
              std::to_string(directory_.entries) + " members");
    }
    refuse_overlap();
    return members;
  }

 private:
  void add(std::string_view entry, std::vector<ZipMember>& members) {
    const std::string_view name = entry.substr(central_bytes, u16(entry, 28));
    Header header = central_header(entry);
    ZipMember member;
    member.name = name;
    try {
      if (name.find('\0') != std::string_view::npos) corrupt("a name contains NUL");
      if (!names_.insert(member.name).second) corrupt("the name stands twice");
      if (u16(entry, 34) != 0) corrupt("it lies on another volume");
      read_extra64(entry.substr(central_bytes + name.size(), u16(entry, 30)),
                   {&header.size, &header.stored, &header.local}, false);
      member.method = header.method;
      member.crc32 = header.crc;
      member.stored = header.stored;
      member.size = header.size;
      find_data(header, member);
      set_problem(member, header, rules_);
    } catch (const Error& error) {
      throw Error(error.code(), error.detail(),
                  "member \"" + printable(name) + "\": " + error.message());
    }
    // A folder has no contents.
    const bool folder = name.ends_with('/') && member.size == 0;
    if (!folder) members.push_back(std::move(member));
  }

  /// Checks the local header, which says where the bytes begin.
  void find_data(const Header& header, ZipMember& member) {
    const std::uint64_t begin = checked_add(header.local, directory_.shift);
    if (end_ < kLocalBytes || begin > end_ - kLocalBytes)
      corrupt("its header is not in the archive");
    const std::string fixed = file_.read_string(begin, kLocalBytes);
    if (u32(fixed, 0) != local_mark)
      corrupt("there is no local header at " + std::to_string(begin));
    const std::uint64_t names = std::uint64_t{u16(fixed, 26)} + u16(fixed, 28);
    if (names > end_ - begin - kLocalBytes) corrupt("its local header runs into the directory");
    const std::string text = file_.read_string(begin + kLocalBytes, names);
    compare(header, local_header(fixed), text, u16(fixed, 26), member.name);
    if (header.method == kStored && (header.flags & kEncrypted) == 0 &&
        header.stored != header.size) {
      corrupt("it is stored, with " + std::to_string(header.stored) + " bytes for " +
              std::to_string(header.size));
    }
    member.offset = begin + kLocalBytes + names;
    if (member.stored > end_ - member.offset) {
      corrupt("needs bytes " + std::to_string(member.offset) + ".." +
              std::to_string(checked_add(member.offset, member.stored)) +
              ", the directory begins at " + std::to_string(end_));
    }
    spans_.push_back({begin, member.offset + member.stored});
  }

  /// A reader that goes by local headers must see the same as one that goes by the directory.
  static void compare(const Header& central, Header local, std::string_view text,
                      std::size_t name_bytes, std::string_view name) {
    if (text.substr(0, name_bytes) != name) corrupt("its local header has another name");
    const auto known = static_cast<std::uint16_t>(kEncrypted | kDescriptor);
    if (local.method != central.method || ((local.flags ^ central.flags) & known) != 0) {
      corrupt("its local header has another method or other flags");
    }
    const bool follows = (central.flags & kDescriptor) != 0;
    read_extra64(text.substr(name_bytes), {&local.size, &local.stored}, true);
    const auto differs = [&](std::uint64_t here, std::uint64_t there) {
      return here != there && !(follows && (here == 0 || here == all_ones));
    };
    if (differs(local.size, central.size) || differs(local.stored, central.stored) ||
        differs(local.crc, central.crc)) {
      corrupt("its local header has another size or CRC-32");
    }
  }

  void refuse_overlap() {
    std::sort(spans_.begin(), spans_.end(),
              [](const Span& a, const Span& b) { return a.begin < b.begin; });
    for (std::size_t i = 1; i < spans_.size(); ++i) {
      if (spans_[i].begin < spans_[i - 1].end) {
        corrupt("the members at " + std::to_string(spans_[i - 1].begin) + " and " +
                std::to_string(spans_[i].begin) + " overlap");
      }
    }
  }

  const File& file_;
  const Directory& directory_;
  const ZipRules& rules_;
  std::uint64_t end_;  // of the members: where the directory begins
  std::unordered_set<std::string> names_;
  std::vector<Span> spans_;
};

// --- Contents ---------------------------------------------------------------------------------

/// A range of a file.
class RangeFile final : public File {
 public:
  RangeFile(std::string name, FileRange range) : name_(std::move(name)), range_(std::move(range)) {}
  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return range_.length; }
  FileIdentity identity() const override { return range_.file->identity(); }
  void check_unchanged() const override { range_.file->check_unchanged(); }
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override {
    if (bytes.size() > range_.length || offset > range_.length - bytes.size()) {
      throw Error(ErrorCode::corrupt, "truncated",
                  "needs " + std::to_string(bytes.size()) + " bytes at offset " +
                      std::to_string(offset) + ", it has " + std::to_string(range_.length))
          .in_file(name_);
    }
    range_.file->read_at(range_.offset + offset, bytes);
  }

 private:
  std::string name_;
  FileRange range_;
};

}  // namespace

ZipArchive read_zip(std::shared_ptr<const File> file, const ZipRules& rules) {
  try {
    Directory directory = find_directory(*file, rules);
    if (!rules.allow_prefix) {
      const std::string start = file->read_string(0, 4);
      if (u32(start, 0) != local_mark && u32(start, 0) != end_mark) {
        corrupt("it does not begin with a member");
      }
    }
    ZipArchive archive;
    archive.members = Members(*file, directory, rules).read();
    archive.comment = std::move(directory.comment);
    archive.trailing = directory.trailing;
    archive.file = std::move(file);
    return archive;
  } catch (const Error& error) {
    throw error.in_file(file->name());
  }
}

std::shared_ptr<const File> open_member(const ZipArchive& archive, const ZipMember& member,
                                        std::uint64_t verify_from) {
  if (member.problem) throw Error(*member.problem);
  std::string name = archive.file->name() + "/" + member.name;
  if (member.is_stored()) {
    return std::make_shared<RangeFile>(std::move(name),
                                       FileRange{archive.file, member.offset, member.stored});
  }
  return inflated_file(std::move(name),
                       {archive.file, member.offset, member.stored, member.size, member.crc32},
                       verify_from);
}

std::string read_member(const ZipArchive& archive, const ZipMember& member, std::uint64_t most) {
  if (member.size > most) {
    throw Error(ErrorCode::unsafe, "limit",
                printable(member.name) + " has " + std::to_string(member.size) +
                    " bytes, the limit is " + std::to_string(most));
  }
  std::string text = open_member(archive, member)->read_string(0, member.size);
  if (crc32(0, std::as_bytes(std::span(text))) != member.crc32) {
    throw Error(ErrorCode::corrupt, "checksum",
                printable(member.name) + " does not fit its CRC-32 in the archive");
  }
  return text;
}

}  // namespace tensorferry
