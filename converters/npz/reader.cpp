#include <unordered_set>

#include "metadata.h"
#include "npz.h"
#include "util/npy_array.h"
#include "util/npy_header.h"
#include "util/spooled_file.h"
#include "util/text.h"
#include "util/zip.h"

namespace tensorferry {
namespace {

// A deflated array in another order of dimensions is read all over; larger ones are inflated to
// disk for that.
constexpr std::uint64_t kInflatedAtOnce = 4u << 20;

class ArchiveReader {
 public:
  ArchiveReader(ZipArchive archive, std::optional<DType> opaque, const Limits& limits)
      : archive_(std::move(archive)), opaque_(opaque), arrays_(opaque), limits_(limits) {}

  Manifest read() {
    MetadataEntries entries = npz::metadata_from_text(archive_.comment, limits_);
    for (const ZipMember& member : archive_.members) {
      if (member.name == npz_metadata_member) {
        entries =
            npz::metadata_from_text(read_member(archive_, member, limits_.header_bytes), limits_);
      } else {
        add(member);
      }
    }
    say_what_is_no_array();
    Manifest manifest = apply_metadata(std::move(manifest_), entries, limits_);
    arrays_.resolve(manifest);
    return manifest;
  }

 private:
  void add(const ZipMember& member) {
    const bool named = member.name.ends_with(npz_extension);
    if (!named && !looks_like_array(member)) {
      others_.push_back(member.name);
      return;
    }
    std::string key = member.name;
    if (named) key.resize(key.size() - npz_extension.size());
    if (!keys_.insert(key).second) {
      throw Error(ErrorCode::corrupt, "duplicate_name",
                  "two members are called " + printable(key) + ", with and without .npy");
    }
    manifest_.tensors.push_back(describe(std::move(key), member));
  }

  /// np.load looks at the contents, whatever the name.
  bool looks_like_array(const ZipMember& member) const {
    if (member.problem || member.size < npy_magic.size()) return false;
    try {
      return open_member(archive_, member)->read_string(0, npy_magic.size()) == npy_magic;
    } catch (const Error&) {
      return false;
    }
  }

  Tensor describe(std::string key, const ZipMember& member) {
    if (member.problem) {
      Tensor tensor;
      tensor.name = std::move(key);
      tensor.problem = member.problem;
      return tensor;
    }
    if (member.is_stored()) {
      return arrays_.describe(std::move(key), {archive_.file, member.offset, member.stored},
                              member.crc32);
    }
    auto file = open_member(archive_, member);
    // Bytes that nobody reads are part of the CRC-32, too.
    NpyArrays look(opaque_);
    look.describe({}, {file, 0, member.size});
    if (look.used() < member.size) file = open_member(archive_, member, look.used());
    Tensor tensor = arrays_.describe(std::move(key), {file, 0, member.size});
    for (Piece& piece : tensor.stored.pieces) {
      const bool scattered = !piece.byte_strides.empty() && member.size > kInflatedAtOnce;
      if (scattered) std::get<FileRange>(piece.origin).file = spooled_file(file);
    }
    return tensor;
  }

  void say_what_is_no_array() {
    if (!others_.empty()) {
      manifest_.notes.push_back(
          {"npz.not_arrays", "members that are no arrays are left out: " + join_names(others_, 5)});
    }
    if (archive_.trailing > 0) {
      manifest_.notes.push_back(
          {"npz.trailing", std::to_string(archive_.trailing) +
                               " bytes behind the archive are ignored, as numpy does"});
    }
  }

  ZipArchive archive_;
  std::optional<DType> opaque_;
  NpyArrays arrays_;
  const Limits& limits_;
  Manifest manifest_;
  std::unordered_set<std::string> keys_;
  std::vector<std::string> others_;
};

class NpzReader : public Reader {
 public:
  Manifest read(const Input& input, const Options& options, const Limits& limits) const override {
    std::optional<DType> opaque;
    if (options.given("dtype")) opaque = parse_dtype(options.text("dtype")).dtype;
    ZipRules rules;
    rules.directory_bytes = limits.header_bytes;
    rules.members = limits.tensors;
    if (options.given("inflated_limit")) rules.inflated_limit = options.bytes("inflated_limit");
    return ArchiveReader(read_zip(input.file(), rules), opaque, limits).read();
  }
};

}  // namespace

std::shared_ptr<const Reader> make_npz_reader() { return std::make_shared<NpzReader>(); }

}  // namespace tensorferry
