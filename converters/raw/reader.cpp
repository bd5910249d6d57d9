#include <map>
#include <string>
#include <utility>

#include "core/strings.h"
#include "raw.h"
#include "raw_wire.h"
#include "util/column_major.h"
#include "util/crc32c.h"
#include "util/manifest_json.h"
#include "util/sha256.h"
#include "util/shape_text.h"

namespace tensorferry {
namespace {

constexpr std::string_view kOptions[] = {"dtype",  "shape", "offset",        "order",
                                         "layout", "name",  "allow_trailing"};

[[noreturn]] void usage(std::string_view detail, std::string message) {
  throw Error(ErrorCode::usage, detail, std::move(message));
}

// --- Elements of one file
// -------------------------------------------------------------------------------------------

void verify(const Checksum& checksum, std::string_view bytes) {
  std::string found;
  if (checksum.kind == Checksum::Kind::sha256) {
    Sha256 digest;
    digest.update(bytes);
    found = digest.finish();
  } else {
    found = from_hex(crc32c_to_hex(crc32c(0, std::as_bytes(std::span(bytes)))));
  }
  if (found == checksum.value) return;
  throw Error(ErrorCode::corrupt, "checksum",
              "the checksum is " + to_hex(found) + ", the manifest says " + to_hex(checksum.value));
}

std::optional<Checksum> checksum_of(const ManifestEntry& entry) {
  if (!entry.sha256.empty()) return Checksum{Checksum::Kind::sha256, from_hex(entry.sha256)};
  if (!entry.crc32c.empty()) return Checksum{Checksum::Kind::crc32c, from_hex(entry.crc32c)};
  return std::nullopt;
}

void require_range(const File& file, std::uint64_t offset, std::uint64_t length) {
  if (offset <= file.size() && length <= file.size() - offset) return;
  throw Error(ErrorCode::corrupt, "truncated",
              "needs " + std::to_string(length) + " bytes at offset " + std::to_string(offset) +
                  ", file has " + std::to_string(file.size()))
      .in_file(file.name());
}

Strings strings_in(const FileRange& range, std::uint64_t count, std::optional<Checksum> checksum) {
  require_range(*range.file, range.offset, range.length);
  if (count > range.length / raw_string_header) {
    throw Error(ErrorCode::corrupt, "size",
                std::to_string(count) + " strings need at least " +
                    std::to_string(raw_string_header) + " bytes each, length is " +
                    std::to_string(range.length));
  }
  StringSource strings;
  strings.bytes = range.length;
  if (checksum) {
    strings.checked_by = checksum->kind == Checksum::Kind::sha256 ? "sha256" : "crc32c";
  }
  strings.load = [range, count, checksum = std::move(checksum)] {
    try {
      const std::string bytes = range.file->read_string(range.offset, range.length);
      if (checksum) verify(*checksum, bytes);
      return decode_raw_strings(bytes, count);
    } catch (const Error& error) {
      throw error.in_file(range.file->name());
    }
  };
  return strings;
}

// Fills in what is stored. The length of the range must be right already; check(Manifest) compares
// it.
void set_stored(Tensor& tensor, const ManifestEntry& entry, FileRange range) {
  Piece piece;
  if (tensor.dtype == DType::string) {
    piece.origin = strings_in(range, tensor.elements(), checksum_of(entry));
  } else {
    tensor.stored.order = entry.big_endian ? std::endian::big : std::endian::little;
    if (entry.column_major && tensor.shape.size() > 1)
      piece.byte_strides = column_major_strides(tensor.shape, info(tensor.dtype).bytes);
    piece.checksum = checksum_of(entry);
    piece.origin = std::move(range);
  }
  tensor.stored.pieces.push_back(std::move(piece));
}

Tensor described(const ManifestEntry& entry) {
  Tensor tensor;
  tensor.name = entry.name;
  tensor.dtype = entry.dtype;
  tensor.shape = entry.shape;
  tensor.attributes = entry.attributes;
  return tensor;
}

// --- A folder with a manifest
// ---------------------------------------------------------------------------------------

class Folder {
 public:
  Folder(const Input& input, const ManifestDocument& document) : input_(input) {
    for (const ManifestEntry& entry : document.tensors) ++users_[entry.file];
  }

  Tensor tensor(const ManifestEntry& entry) {
    Tensor tensor = described(entry);
    try {
      place(tensor, entry);
    } catch (const Error& error) {
      tensor.stored = {};
      tensor.problem = error.in_file(entry.file).in_tensor(entry.name);
    }
    return tensor;
  }

 private:
  void place(Tensor& tensor, const ManifestEntry& entry) {
    const std::uint64_t wanted = is_fixed_size(entry.dtype)
                                     ? encoded_bytes(entry.dtype, Codec::plain, tensor.elements())
                                     : *entry.length;
    const std::shared_ptr<const File>& file = open(entry.file);
    const std::uint64_t length = entry.length.value_or(wanted);
    if (length != wanted) {
      throw Error(ErrorCode::corrupt, "size",
                  "length is " + std::to_string(length) + ", dtype and shape need " +
                      std::to_string(wanted) + " bytes");
    }
    require_range(*file, entry.offset, length);
    // Nothing but the file's size can tell float32 from float64 here, so it must agree.
    if (!entry.length && users_[entry.file] == 1 && file->size() - entry.offset != wanted) {
      throw Error(ErrorCode::corrupt, "size",
                  "dtype and shape need " + std::to_string(wanted) + " bytes, file has " +
                      std::to_string(file->size() - entry.offset) + " from offset " +
                      std::to_string(entry.offset) + "; give \"length\" if the rest is not meant");
    }
    set_stored(tensor, entry, {file, entry.offset, length});
  }

  // Each file is opened once, and tried once.
  const std::shared_ptr<const File>& open(const std::string& name) {
    if (const auto failed = failed_.find(name); failed != failed_.end()) throw failed->second;
    std::shared_ptr<const File>& file = files_[name];
    if (file) return file;
    try {
      file = input_.sibling(name);
    } catch (const Error& error) {
      failed_.emplace(name, error);
      throw;
    }
    return file;
  }

  const Input& input_;
  std::map<std::string, std::size_t> users_;  // entries of each file
  std::map<std::string, std::shared_ptr<const File>> files_;
  std::map<std::string, Error> failed_;
};

Manifest read_folder(const Input& input, const Options& options, const Limits& limits) {
  for (std::string_view name : kOptions) {
    if (!options.given(name)) continue;
    usage("bad_option",
          "option " + std::string(name) + " is for a file without a manifest; this input has one");
  }
  const bool inside = input.kind() == Input::Kind::directory;
  const auto file = inside ? input.sibling(manifest_file_name) : input.file();
  if (file->size() > limits.header_bytes) {
    throw Error(ErrorCode::unsafe, "limit",
                "the manifest has " + std::to_string(file->size()) + " bytes, the limit is " +
                    std::to_string(limits.header_bytes))
        .in_file(file->name());
  }
  try {
    ManifestDocument document = parse_manifest(file->read_string(0, file->size()), limits);
    Manifest manifest;
    manifest.attributes = std::move(document.attributes);
    manifest.tensors.reserve(document.tensors.size());
    Folder folder(input, document);
    for (const ManifestEntry& entry : document.tensors)
      manifest.tensors.push_back(folder.tensor(entry));
    return join_strings(std::move(manifest), limits);
  } catch (const Error& error) {
    throw error.in_file(file->name());
  }
}

// --- A bare file, described by options
// ------------------------------------------------------------------------------

[[noreturn]] void refuse_to_guess(std::string_view missing) {
  usage("needs_" + std::string(missing),
        "bytes alone cannot be interpreted, the " + std::string(missing) +
            " must be told: --from raw --in-opt dtype=float32 --in-opt shape=784,128; or describe "
            "the files in a manifest.json");
}

Shape shape_option(const Options& options) {
  std::string text = options.text("shape");
  if (text == "scalar" || text == "[]") return {};
  if (text.size() > 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  std::erase(text, ' ');
  std::optional<Shape> shape = shape_from_text(text);
  if (!shape || shape->empty()) {
    usage("bad_option", "option shape: \"" + printable(options.text("shape")) +
                            "\" is not a list of extents such as 784,128, and not scalar");
  }
  return *shape;
}

bool big_endian_option(const Options& options, const ParsedDType& parsed) {
  if (!options.given("order")) return parsed.big_endian.value_or(false);
  const bool big = options.text("order") == "big";
  if (parsed.big_endian && *parsed.big_endian != big) {
    usage("bad_option", "options dtype=" + printable(options.text("dtype")) +
                            " and order=" + options.text("order") + " contradict each other");
  }
  return big;
}

std::string stem(const std::string& leaf) {
  const std::size_t dot = leaf.rfind('.');
  return dot == std::string::npos || dot == 0 ? leaf : leaf.substr(0, dot);
}

ManifestEntry entry_from_options(const Input& input, const Options& options) {
  if (!options.given("dtype")) refuse_to_guess("dtype");
  if (!options.given("shape")) refuse_to_guess("shape");
  const ParsedDType parsed = parse_dtype(options.text("dtype"));
  ManifestEntry entry;
  entry.name = options.given("name") ? options.text("name") : stem(input.leaf());
  entry.dtype = parsed.dtype;
  entry.shape = shape_option(options);
  entry.offset = options.given("offset") ? options.bytes("offset") : 0;
  entry.big_endian = big_endian_option(options, parsed);
  entry.column_major = options.given("layout") && options.text("layout") == "column-major";
  if (entry.dtype != DType::string && !is_fixed_size(entry.dtype)) {
    throw Error(ErrorCode::unsupported, "dtype",
                std::string(to_string(entry.dtype)) + " has no form in files of plain bytes");
  }
  if (entry.dtype == DType::string && (entry.big_endian || entry.column_major)) {
    usage("bad_option", "strings are row-major and their lengths little-endian");
  }
  return entry;
}

Manifest read_bytes(const Input& input, const Options& options) {
  const ManifestEntry entry = entry_from_options(input, options);
  const auto file = input.file();
  Tensor tensor = described(entry);
  require_range(*file, entry.offset, 0);
  const std::uint64_t rest = file->size() - entry.offset;
  const std::uint64_t wanted = is_fixed_size(entry.dtype)
                                   ? encoded_bytes(entry.dtype, Codec::plain, tensor.elements())
                                   : rest;
  require_range(*file, entry.offset, wanted);
  const bool trailing =
      options.given("allow_trailing") ? options.boolean("allow_trailing") : options.given("offset");
  if (rest != wanted && !trailing) {
    throw Error(ErrorCode::corrupt, "size",
                "dtype and shape need " + std::to_string(wanted) + " bytes, file has " +
                    std::to_string(rest) +
                    "; --in-opt allow_trailing=true if the rest is not meant")
        .in_file(file->name());
  }
  set_stored(tensor, entry, {file, entry.offset, wanted});
  Manifest manifest;
  manifest.tensors.push_back(std::move(tensor));
  return manifest;
}

bool has_manifest(const Input& input, const Options& options) {
  if (input.kind() == Input::Kind::directory) return true;
  if (!input.leaf().ends_with(".json")) return false;
  return !options.given("dtype") && !options.given("shape");
}

class RawReader : public Reader {
 public:
  Manifest read(const Input& input, const Options& options, const Limits& limits) const override {
    return has_manifest(input, options) ? read_folder(input, options, limits)
                                        : read_bytes(input, options);
  }
};

}  // namespace

std::shared_ptr<const Reader> make_raw_reader() { return std::make_shared<RawReader>(); }

}  // namespace tensorferry
