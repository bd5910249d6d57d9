#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "safetensors.h"
#include "safetensors_wire.h"
#include "util/metadata_entries.h"
#include "util/text.h"

namespace tensorferry {
namespace safetensors {
namespace {

constexpr std::string_view kSuffix = ".safetensors";

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// The length of the header, compared with what is there.
std::uint64_t header_bytes(const File& file, const Limits& limits) {
  if (file.size() < kLengthBytes) {
    throw Error(
        ErrorCode::corrupt, "truncated",
        "a safetensors file begins with 8 bytes, this one has " + std::to_string(file.size()));
  }
  const std::uint64_t bytes = little_endian(file.read_string(0, kLengthBytes));
  if (bytes > file.size() - kLengthBytes) {
    throw Error(ErrorCode::corrupt, "truncated",
                "the header needs " + std::to_string(bytes) + " bytes from offset 8, file has " +
                    std::to_string(file.size()));
  }
  if (bytes < 2) {
    throw Error(ErrorCode::corrupt, "header",
                "a header of " + std::to_string(bytes) +
                    " bytes is no object: was the file copied or downloaded completely?");
  }
  if (bytes > limits.header_bytes) {
    throw Error(ErrorCode::unsafe, "limit",
                "the header has " + std::to_string(bytes) + " bytes, the limit is " +
                    std::to_string(limits.header_bytes));
  }
  return bytes;
}

// One file: the tensors of its header.
class FileReader {
 public:
  FileReader(std::shared_ptr<const File> file, const Limits& limits)
      : file_(std::move(file)), limits_(limits) {}

  /// Appends to `tensors`, returns __metadata__.
  TextEntries read(std::vector<Tensor>& tensors) {
    const std::uint64_t length = header_bytes(*file_, limits_);
    data_ = kLengthBytes + length;
    TextEntries metadata;
    {
      const std::string text = file_->read_string(kLengthBytes, length);
      reserve(text, tensors);
      metadata = parse_header(text, static_cast<std::size_t>(limits_.json_depth),
                              [&](HeaderEntry&& entry) { add(std::move(entry), tensors); });
    }
    const std::size_t first = tensors.size() - extents_.size();
    const auto name_of = [&](std::size_t i) -> std::string_view { return tensors[first + i].name; };
    const std::uint64_t end = check_tiling(extents_, name_of), there = file_->size() - data_;
    // A file that was cut is still listed: the tensors behind its end have a problem.
    if (end < there) {
      throw Error(ErrorCode::corrupt, "layout",
                  std::to_string(there - end) + " bytes at the end belong to no tensor");
    }
    return metadata;
  }

 private:
  void reserve(const std::string& text, std::vector<Tensor>& tensors) {
    constexpr std::string_view kField = "\"data_offsets\"";
    // {"dtype":"U8","shape":[],"data_offsets":[0,0]} and a name.
    constexpr std::size_t kLeastEntry = 50;
    std::size_t count = 0;
    for (std::size_t at = text.find(kField); at != std::string::npos;
         at = text.find(kField, at + kField.size()))
      ++count;
    count = std::min(count, text.size() / kLeastEntry + 1);
    tensors.reserve(tensors.size() + count);
    extents_.reserve(count);
  }

  void add(HeaderEntry&& entry, std::vector<Tensor>& tensors) {
    if (tensors.size() >= limits_.tensors) {
      throw Error(ErrorCode::unsafe, "limit",
                  "more than " + std::to_string(limits_.tensors) + " tensors");
    }
    extents_.push_back({entry.begin, entry.end});
    Tensor tensor;
    tensor.name = std::move(entry.name);
    tensor.shape = std::move(entry.shape);
    FileRange range{file_, 0, entry.end - entry.begin};
    if (entry.begin > ~std::uint64_t{0} / 2) {
      throw Error(ErrorCode::corrupt, "layout", "its bytes begin at " + std::to_string(entry.begin))
          .in_tensor(tensor.name);
    }
    range.offset = data_ + entry.begin;
    Piece& piece = tensor.stored.pieces.emplace_back();
    piece.origin = std::move(range);
    set_dtype(tensor, entry.dtype, entry.end - entry.begin);
    tensors.push_back(std::move(tensor));
  }

  static void set_dtype(Tensor& tensor, const std::string& name, std::uint64_t bytes) {
    const ElementType* type = element_type(name);
    if (!type || type->dtype == DType::unknown) {
      tensor.problem = Error(ErrorCode::unsupported, "dtype",
                             type ? "the packing of " + name + " elements is not documented"
                                  : "the element type \"" + printable(name) + "\" is not known")
                           .in_tensor(tensor.name);
      return;
    }
    tensor.dtype = type->dtype;
    if (type->dtype != DType::float4_e2m1fn) return;
    tensor.stored.codec = Codec::packed;
    check_whole_bytes(tensor, bytes);
  }

  // The gate counts the bytes, and takes a half one for a whole one.
  static void check_whole_bytes(Tensor& tensor, std::uint64_t bytes) {
    try {
      if (tensor.elements() % 2 == 0) return;
      throw Error(ErrorCode::corrupt, "size",
                  to_string(tensor.shape) + " of F4 is no whole number of bytes; stored are " +
                      std::to_string(bytes));
    } catch (const Error& error) {
      tensor.problem = error.in_tensor(tensor.name);
    }
  }

  std::shared_ptr<const File> file_;
  const Limits& limits_;
  std::uint64_t data_ = 0;  // where the elements begin in the file
  std::vector<Extent> extents_;
};

// Several files and the index that says which tensor lies where.
class ShardedReader {
 public:
  ShardedReader(const Input& input, const Limits& limits) : input_(input), limits_(limits) {}

  Manifest read(const File& index) {
    if (index.size() > limits_.header_bytes) {
      throw Error(ErrorCode::unsafe, "limit",
                  "the index has " + std::to_string(index.size()) + " bytes, the limit is " +
                      std::to_string(limits_.header_bytes));
    }
    weights_ = parse_index(index.read_string(0, index.size()),
                           static_cast<std::size_t>(limits_.json_depth));
    std::set<std::string_view> files;
    for (const auto& [name, file] : weights_) files.insert(file);
    for (std::string_view file : files) read_shard(std::string(file));
    add_absent();
    refuse_twice();
    note_unlisted();
    return apply_metadata(std::move(manifest_), metadata_, limits_);
  }

 private:
  void read_shard(const std::string& name) {
    if (name.find("://") != std::string::npos) {
      throw Error(ErrorCode::unsafe, "path",
                  "the index names \"" + printable(name) + "\", which is an address, not a file");
    }
    std::shared_ptr<const File> file;
    try {
      file = input_.sibling(name);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::input && error.detail() != "lfs_pointer") throw;
      missing_.emplace(name, error);
      return;
    }
    const std::size_t first = manifest_.tensors.size();
    try {
      TextEntries metadata = FileReader(file, limits_).read(manifest_.tensors);
      std::move(metadata.begin(), metadata.end(), std::back_inserter(metadata_));
    } catch (const Error& error) {
      throw error.in_file(file->name());
    }
    for (std::size_t i = first; i < manifest_.tensors.size(); ++i) add_found(i, name, *file);
  }

  // Where the tensor is, against where the index says that it is.
  void add_found(std::size_t at, const std::string& shard, const File& file) {
    Tensor& tensor = manifest_.tensors[at];
    if (tensor.problem) tensor.problem = tensor.problem->in_file(file.name());
    const auto [first, is_new] = places_.emplace(tensor.name, Place{at, shard});
    if (!is_new) {
      if (first->second.shard == shard) {
        throw Error(ErrorCode::corrupt, "duplicate_name", "the name stands twice in one file")
            .in_file(file.name())
            .in_tensor(tensor.name);
      }
      twice_.insert(at);
      manifest_.tensors[first->second.tensor].problem =
          Error(ErrorCode::corrupt, "two_shards",
                "is in both \"" + printable(first->second.shard) + "\" and \"" + printable(shard) +
                    "\"")
              .in_tensor(tensor.name);
      return;
    }
    const auto listed = weights_.find(tensor.name);
    if (listed == weights_.end()) {
      unlisted_.push_back(tensor.name);
    } else if (listed->second != shard) {
      tensor.problem = Error(ErrorCode::corrupt, "wrong_shard",
                             "is in \"" + printable(shard) + "\", the index says \"" +
                                 printable(listed->second) + "\"")
                           .in_tensor(tensor.name);
    }
  }

  // What the index lists and no file has.
  void add_absent() {
    for (const auto& [name, file] : weights_) {
      if (places_.contains(name)) continue;
      Tensor& tensor = manifest_.tensors.emplace_back();
      tensor.name = name;
      const auto missing = missing_.find(file);
      tensor.problem = missing != missing_.end()
                           ? missing->second.in_tensor(name)
                           : Error(ErrorCode::corrupt, "missing_tensor",
                                   "the index says that it is in \"" + printable(file) +
                                       "\", which does not have it")
                                 .in_tensor(name);
    }
  }

  void refuse_twice() {
    std::size_t at = 0;
    std::erase_if(manifest_.tensors, [&](const Tensor&) { return twice_.contains(at++); });
  }

  void note_unlisted() {
    if (unlisted_.empty()) return;
    manifest_.notes.push_back(
        {"safetensors.not_in_index", "the index does not list " + join_names(unlisted_)});
  }

  struct Place {
    std::size_t tensor;
    std::string shard;
  };

  const Input& input_;
  const Limits& limits_;
  WeightMap weights_;
  std::map<std::string, Error> missing_;
  std::unordered_map<std::string, Place> places_;
  std::set<std::size_t> twice_;  // tensors whose name an earlier file has, too
  std::vector<std::string> unlisted_;
  Manifest manifest_;
  TextEntries metadata_;
};

Manifest read_file(const std::shared_ptr<const File>& file, const Limits& limits) {
  Manifest manifest;
  const TextEntries metadata = FileReader(file, limits).read(manifest.tensors);
  return apply_metadata(std::move(manifest), metadata, limits);
}

Manifest read_index(const Input& input, const std::shared_ptr<const File>& file,
                    const Limits& limits) {
  return ShardedReader(input, limits).read(*file);
}

bool is_file_name(std::string_view name) { return name.ends_with(kSuffix); }

/// The file of that kind that gives the folder its meaning; nothing when it holds none.
std::shared_ptr<const File> only_file(const Input& input, bool (*wanted)(std::string_view)) {
  constexpr std::size_t kMostTold = 5;
  std::vector<std::string> names = input.list();
  std::erase_if(names, [&](const std::string& name) { return !wanted(name); });
  if (names.size() <= 1) return names.empty() ? nullptr : input.main_file(names.front());
  const bool shards = std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return !shard_stem(name).empty();
  });
  if (shards) {
    throw Error(ErrorCode::input, "missing_index",
                "the folder holds " + join_names(names, kMostTold) +
                    ", which are parts of a model, but not the index that belongs to them (" +
                    printable(shard_stem(names.front())) +
                    ".safetensors.index.json); get it, too, or name one of the files");
  }
  throw Error(ErrorCode::usage, "several_files",
              "the folder holds several models; name one of them: " + join_names(names, kMostTold));
}

class SafetensorsReader final : public Reader {
 public:
  Manifest read(const Input& input, const Options&, const Limits& limits) const override {
    if (input.kind() != Input::Kind::directory) {
      const auto file = input.file();
      return is_index_name(input.leaf()) ? read_index(input, file, limits)
                                         : read_file(file, limits);
    }
    if (const auto index = only_file(input, is_index_name)) return read_index(input, index, limits);
    const auto file = only_file(input, is_file_name);
    if (file) return read_file(file, limits);
    throw Error(ErrorCode::input, "missing", "the folder holds no .safetensors file");
  }
};

}  // namespace
}  // namespace safetensors

std::shared_ptr<const Reader> make_safetensors_reader() {
  return std::make_shared<safetensors::SafetensorsReader>();
}

}  // namespace tensorferry
