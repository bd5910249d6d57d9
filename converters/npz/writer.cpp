#include "deflate_sink.h"
#include "metadata.h"
#include "npz.h"
#include "npz_wire.h"
#include "util/crc32.h"
#include "util/fields.h"
#include "util/npy_dtype.h"
#include "util/npy_header.h"
#include "util/text.h"

namespace tensorferry {
namespace {

using npz::Member;

constexpr std::int64_t kDefaultLevel = 6;

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

void warn_of_paths(const npz::Names& names, Layout& layout) {
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names.of(i);
    const bool absolute = name.starts_with('/');
    if (!absolute && name.find("..") == std::string::npos) continue;
    const std::string bounded = "/" + name + "/";
    if (absolute || bounded.find("/../") != std::string::npos) paths.push_back(name);
  }
  if (paths.empty()) return;
  layout.notes.push_back(
      {"npz.path", "names that unzip would take for a path out of its folder (np.load does not): " +
                       join_names(paths, 5)});
}

/// An archive whose members are stored: all sizes are known, the CRCs come at the end.
class StoredArchive {
 public:
  StoredArchive(Layout& layout, const std::vector<Tensor>& tensors) : layout_(layout) {
    const std::size_t arrays = tensors.size();
    std::size_t name_bytes = 0;
    for (const Tensor& tensor : tensors) name_bytes += tensor.name.size();
    layout_.files.push_back({"", 0});
    directory_.reserve(arrays * (npz::central_bytes + npz_extension.size()) + name_bytes);
    layout_.slots.reserve(arrays);
    layout_.segments.reserve(arrays + 2);  // metadata, directory
    places_.reserve(arrays + 1);
  }

  void add_array(std::string_view name, const Tensor& tensor, std::size_t index) {
    name_.assign(name).append(npz_extension);
    header_.clear();
    append_npy_header(header_, npy_descr(tensor.dtype), tensor.shape);
    Slot slot;
    slot.tensor = index;
    slot.codec = npy_encoding(tensor.dtype)->codec;
    slot.length = encoded_bytes(tensor.dtype, slot.codec, tensor.elements());
    slot.crc_of_front = crc32(0, std::as_bytes(std::span(header_)));
    const Member member = member_of(name_, header_.size(), slot.length);
    slot.crc_offset = member.offset + npz::local_crc;
    slot.offset = add(member, header_, slot.length, true);
    layout_.slots.push_back(slot);
  }

  void add_text(std::string_view name, const std::string& text) {
    Member member = member_of(name, text.size(), 0);
    member.crc32 = crc32(0, std::as_bytes(std::span(text)));
    add(member, text, 0, false);
  }

  void finish(const std::string& comment) {
    const std::uint64_t at = end();
    directory_ += npz::end_records(places_.size(), directory_.size(), at, comment);
    end() = checked_add(at, directory_.size());
    layout_.finish_crc = Checksum::Kind::crc32;
    layout_.finish = [directory_segment = layout_.segments.size(), places = std::move(places_)](
                         std::span<const std::uint32_t> crcs, std::span<Segment> segments) {
      char* const directory = segments[directory_segment].bytes.data();
      for (std::size_t i = 0; i < crcs.size(); ++i) put_number(directory + places[i], crcs[i], 4);
    };
    layout_.segments.push_back({0, at, std::move(directory_), true});
  }

 private:
  std::uint64_t& end() { return layout_.files[0].size; }

  /// A member of `front` bytes and `rest` more, at the end of what there is.
  Member member_of(std::string_view name, std::uint64_t front, std::uint64_t rest) {
    Member member;
    member.name = name;
    member.offset = end();
    member.size = member.stored = checked_add(front, rest);
    member.large = npz::needs_zip64(member.size);
    return member;
  }

  /// Gives the offset behind `front`, where `rest` more bytes will be.
  std::uint64_t add(const Member& member, const std::string& front, std::uint64_t rest,
                    bool aligned) {
    std::string bytes = npz::local_header(member, aligned, front.size());
    bytes += front;
    const std::uint64_t data = checked_add(member.offset, bytes.size());
    layout_.segments.push_back({0, member.offset, std::move(bytes)});
    places_.push_back(directory_.size() + npz::central_crc);
    npz::append_central_header(directory_, member);
    end() = checked_add(data, rest);
    return data;
  }

  Layout& layout_;
  std::string name_, header_;  // of the array at hand
  std::string directory_;
  std::vector<std::size_t> places_;  // in it, of the members' CRCs; those of slots come first
};

class NpzWriter : public Writer {
 public:
  std::optional<Encoding> encoding(DType dtype) const override { return npy_encoding(dtype); }

  Layout lay_out(const Manifest& manifest, const Output& output, const Options& options,
                 const Limits&) const override {
    if (output.directory) {
      throw Error(ErrorCode::usage, "not_a_folder", "an .npz is one file: name it in this folder");
    }
    refuse_for_numpy(manifest, ".npz");
    const std::optional<int> level = level_of(options);
    const npz::Names names(manifest);
    std::string text = npz::metadata_text(metadata_entries(
        manifest,
        {"an .npz", npy_encoding, [&](std::size_t i) -> std::string_view { return names.of(i); }}));
    const bool in_comment = text.size() <= npz::max_comment;
    if (!in_comment && names.contains(npz_metadata_member)) {
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
    StoredArchive archive(layout, manifest.tensors);
    for (std::size_t i = 0; i < names.size(); ++i)
      archive.add_array(names.of(i), manifest.tensors[i], i);
    if (!in_comment) archive.add_text(npz_metadata_member, text);
    archive.finish(in_comment ? text : "");
    return layout;
  }
};

}  // namespace

std::shared_ptr<const Writer> make_npz_writer() { return std::make_shared<NpzWriter>(); }

}  // namespace tensorferry
