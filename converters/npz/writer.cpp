#include <algorithm>

#include "deflate_sink.h"
#include "metadata.h"
#include "npz.h"
#include "npz_wire.h"
#include "util/crc32.h"
#include "util/npy_dtype.h"
#include "util/npy_header.h"
#include "util/text.h"

namespace tensorferry {
namespace {

using npz::Member;

constexpr std::int64_t kDefaultLevel = 6;

void refuse(const Manifest& manifest) {
  std::vector<std::string> types, ranks;
  for (const Tensor& tensor : manifest.tensors) {
    if (npy_descr(tensor.dtype).empty()) {
      types.push_back(tensor.name + " (" + std::string(to_string(tensor.dtype)) + ")");
    } else if (tensor.shape.size() > npy_max_rank) {
      ranks.push_back(tensor.name + " (rank " + std::to_string(tensor.shape.size()) + ")");
    }
  }
  if (!types.empty())
    throw Error(ErrorCode::unsupported, "dtype", ".npz cannot hold " + join_names(types));
  if (ranks.empty()) return;
  throw Error(
      ErrorCode::unsupported, "rank",
      "numpy has at most " + std::to_string(npy_max_rank) + " dimensions: " + join_names(ranks));
}

/// Nothing = stored.
std::optional<int> level_of(const Options& options) {
  const bool deflate = options.given("compression") && options.text("compression") == "deflate";
  if (!deflate && options.given("level")) {
    throw Error(ErrorCode::usage, "bad_option",
                "the option level of npz needs compression=deflate");
  }
  if (!deflate) return std::nullopt;
  const std::int64_t level = options.given("level") ? options.integer("level") : kDefaultLevel;
  if (level < 1 || level > 9) {
    throw Error(ErrorCode::usage, "bad_option",
                "level=" + std::to_string(level) + ": deflate has 1 to 9");
  }
  return static_cast<int>(level);
}

void warn_of_paths(const std::vector<std::string>& names, Layout& layout) {
  std::vector<std::string> paths;
  for (const std::string& name : names) {
    const std::string bounded = "/" + name + "/";
    if (name.starts_with('/') || bounded.find("/../") != std::string::npos) paths.push_back(name);
  }
  if (paths.empty()) return;
  layout.notes.push_back(
      {"npz.path", "names that unzip would take for a path out of its folder (np.load does not): " +
                       join_names(paths, 5)});
}

/// An archive whose members are stored: all sizes are known, the CRCs come at the end.
class StoredArchive {
 public:
  explicit StoredArchive(Layout& layout) : layout_(layout) { layout_.files.push_back({"", 0}); }

  void add_array(const std::string& name, const Tensor& tensor, std::size_t index) {
    const std::string header = npy_header(npy_descr(tensor.dtype), tensor.shape);
    Slot slot;
    slot.tensor = index;
    slot.codec = npy_encoding(tensor.dtype)->codec;
    slot.length = encoded_bytes(tensor.dtype, slot.codec, tensor.elements());
    slot.offset = add(name + std::string(npz_extension), header, slot.length, true);
    layout_.slots.push_back(slot);
    front_crcs_.push_back(crc32(0, std::as_bytes(std::span(header))));
  }

  void add_text(std::string_view name, const std::string& text) {
    add(std::string(name), text, 0, false);
    members_.back().crc32 = crc32(0, std::as_bytes(std::span(text)));
    layout_.segments.back().bytes.replace(npz::local_crc, 4, npz::u32(members_.back().crc32));
  }

  void finish(const std::string& comment) {
    std::string directory;
    std::vector<std::size_t> places;
    for (const Member& member : members_) {
      places.push_back(directory.size() + npz::central_crc);
      directory += npz::central_header(member);
    }
    const std::uint64_t at = end();
    directory += npz::end_records(members_.size(), directory.size(), at, comment);
    layout_.segments.push_back({0, at, directory});
    end() = checked_add(at, directory.size());
    layout_.finish_crc = Checksum::Kind::crc32;
    layout_.finish = [at, directory = std::move(directory), places = std::move(places),
                      members = std::move(members_), fronts = std::move(front_crcs_),
                      lengths = lengths()](std::span<const std::uint32_t> crcs) mutable {
      std::vector<Segment> segments;
      for (std::size_t i = 0; i < crcs.size(); ++i) {
        const std::string crc = npz::u32(crc32_combine(fronts[i], crcs[i], lengths[i]));
        directory.replace(places[i], crc.size(), crc);
        segments.push_back({0, members[i].offset + npz::local_crc, crc});
      }
      segments.push_back({0, at, std::move(directory)});
      return segments;
    };
  }

 private:
  std::uint64_t& end() { return layout_.files[0].size; }

  std::vector<std::uint64_t> lengths() const {
    std::vector<std::uint64_t> all;
    for (const Slot& slot : layout_.slots) all.push_back(slot.length);
    return all;
  }

  /// Gives the offset behind `front`, where `rest` more bytes will be.
  std::uint64_t add(std::string name, const std::string& front, std::uint64_t rest, bool aligned) {
    Member member;
    member.name = std::move(name);
    member.offset = end();
    member.size = member.stored = checked_add(front.size(), rest);
    member.large = npz::needs_zip64(member.size);
    std::string bytes = npz::local_header(member, aligned) + front;
    const std::uint64_t data = checked_add(member.offset, bytes.size());
    layout_.segments.push_back({0, member.offset, std::move(bytes)});
    members_.push_back(std::move(member));
    end() = checked_add(data, rest);
    return data;
  }

  Layout& layout_;
  std::vector<Member> members_;            // those of slots first, in their order
  std::vector<std::uint32_t> front_crcs_;  // of the .npy headers
};

class NpzWriter : public Writer {
 public:
  std::optional<Encoding> encoding(DType dtype) const override { return npy_encoding(dtype); }

  Layout lay_out(const Manifest& manifest, const Output& output,
                 const Options& options) const override {
    if (output.directory) {
      throw Error(ErrorCode::usage, "not_a_folder", "an .npz is one file: name it in this folder");
    }
    refuse(manifest);
    const std::optional<int> level = level_of(options);
    const std::vector<std::string> names = npz::stored_names(manifest);
    std::string text = npz::metadata_text(metadata_entries(
        manifest, {"an .npz", npy_encoding, [&](std::size_t i) { return names[i]; }}));
    const bool in_comment = text.size() <= npz::max_comment;
    if (!in_comment && std::find(names.begin(), names.end(), npz_metadata_member) != names.end()) {
      throw Error(ErrorCode::unsupported, "name_taken",
                  "the metadata needs the name " + std::string(npz_metadata_member) +
                      ", which a tensor has");
    }
    Layout layout;
    warn_of_paths(names, layout);
    if (level) {
      npz::lay_out_deflated(manifest, names, text, *level, layout);
      return layout;
    }
    StoredArchive archive(layout);
    for (std::size_t i = 0; i < names.size(); ++i)
      archive.add_array(names[i], manifest.tensors[i], i);
    if (!in_comment) archive.add_text(npz_metadata_member, text);
    archive.finish(in_comment ? text : "");
    return layout;
  }
};

}  // namespace

std::shared_ptr<const Writer> make_npz_writer() { return std::make_shared<NpzWriter>(); }

}  // namespace tensorferry
