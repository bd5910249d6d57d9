// Zip archives put together byte by byte, right ones and wrong ones: for tests.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace zip_builder {

inline std::string little(std::uint64_t value, unsigned bytes) {
  std::string text;
  for (unsigned i = 0; i < bytes; ++i, value >>= 8) text += static_cast<char>(value & 255);
  return text;
}

inline std::uint32_t crc_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

inline std::string deflated(std::string_view bytes, int level = 1) {
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("deflate");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// What the two headers of a member say.
struct Header {
  std::string name;
  unsigned version = 20, flags = 0, method = 0;
  std::uint64_t crc = 0, stored = 0, size = 0, local = 0;
  std::string extra = {};
};

struct Member {
  Header local, central;
  std::string bytes;  ///< as they lie in the archive
};

inline Member member(const std::string& name, std::string_view contents, unsigned method = 0) {
  Member made;
  made.bytes = method == 8 ? deflated(contents) : std::string(contents);
  made.local = {name, 20, 0, method, crc_of(contents), made.bytes.size(), contents.size()};
  made.central = made.local;
  return made;
}

struct Archive {
  std::vector<Member> members;
  std::string comment = {};
  std::string prefix = {};
  bool zip64 = false;
  int entries_lie = 0;
  bool set_offsets = true;  ///< false: Header::local as it is

  std::string bytes() const {
    std::string out = prefix, directory;
    for (const Member& m : members) {
      Header central = m.central;
      if (set_offsets) central.local = out.size() - prefix.size();
      out += "PK\3\4" + fields(m.local) + m.local.name + m.local.extra + m.bytes;
      directory += "PK\1\2" + little(20, 2) + fields(central) + little(0, 2) + little(0, 2) +
                   little(0, 6) + little(central.local, 4) + central.name + central.extra;
    }
    const std::uint64_t at = out.size() - prefix.size();
    const auto entries = members.size() + static_cast<std::size_t>(entries_lie);
    out += directory;
    if (zip64) {
      const std::uint64_t end = out.size();
      out += "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) +
             little(entries, 8) + little(entries, 8) + little(directory.size(), 8) + little(at, 8);
      out += "PK\6\7" + little(0, 4) + little(end, 8) + little(1, 4);
    }
    const std::uint64_t ones = 0xFFFFFFFF;
    return out + "PK\5\6" + little(0, 4) + little(zip64 ? ones : entries, 2) +
           little(zip64 ? ones : entries, 2) + little(zip64 ? ones : directory.size(), 4) +
           little(zip64 ? ones : at, 4) + little(comment.size(), 2) + comment;
  }

 private:
  static std::string fields(const Header& h) {
    return little(h.version, 2) + little(h.flags, 2) + little(h.method, 2) + little(0, 4) +
           little(h.crc, 4) + little(h.stored, 4) + little(h.size, 4) + little(h.name.size(), 2) +
           little(h.extra.size(), 2);
  }
};

}  // namespace zip_builder
