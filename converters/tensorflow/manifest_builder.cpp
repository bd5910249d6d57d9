#include "manifest_builder.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "dtypes.h"
#include "encoding.h"
#include "names.h"
#include "slices.h"
#include "sniff.h"
#include "string_payload.h"
#include "util/crc32.h"
#include "util/heap.h"

namespace tensorferry::tensorflow {
namespace {

// A parsed entry takes up to 16 times its bytes.
constexpr std::uint64_t kEntryShare = 16;

// What a small tensor takes while it is converted, about.
constexpr std::uint64_t kTensorMemory = 1200;

Checksum checksum_of(std::uint32_t masked) {
  return {Checksum::Kind::crc32c, crc_bytes(unmask_crc(masked))};
}

Error in_slice(const Error& error, const Slice& slice) {
  return Error(error.code(), error.detail(), "slice " + slice_text(slice) + ": " + error.message())
      .in_file(error.file());
}

bool is_missing(const Error& error) {
  return error.code() == ErrorCode::input && error.detail() == "missing";
}

}  // namespace

bool is_bookkeeping(std::string_view name) {
  return name == kGraphKey || name.ends_with(".ATTRIBUTES/OBJECT_CONFIG_JSON");
}

Tensor missing_file(const std::string& name) {
  Tensor tensor;
  tensor.name = name;
  tensor.problem = Error(ErrorCode::input, "missing",
                         "this file of the checkpoint is missing, and with it an unknown number of "
                         "tensors")
                       .in_file(name)
                       .in_tensor(name);
  return tensor;
}

Piece empty_piece(DType dtype) {
  static const std::shared_ptr<const File> nothing = memory_file("nothing", std::string_view());
  Piece piece;
  if (dtype == DType::string) {
    piece.origin = StringSource{0, [] { return std::vector<std::string>(); }};
  } else {
    piece.origin = FileRange{nothing, 0, 0};
  }
  return piece;
}

ManifestBuilder::ManifestBuilder(const Input& input, const Resolved& resolved, const Limits& limits,
                                 std::uint64_t entries)
    : input_(input), resolved_(resolved), limits_(limits) {
  const std::uint64_t tensors = entries == 0 ? 0 : entries - 1;
  if (tensors > limits.tensors) {
    throw Error(
        ErrorCode::unsafe, "limit",
        std::to_string(tensors) + " tensors, the limit is " + std::to_string(limits.tensors));
  }
  expect_allocations(tensors * kTensorMemory);
  manifest_.tensors.reserve(tensors);
}

void ManifestBuilder::parse(std::string_view value, BundleEntry& entry) const {
  parse_entry(value, limits_.header_bytes / kEntryShare, entry);
}

void ManifestBuilder::add_header(std::string_view key, std::string_view value) {
  if (!key.empty()) {
    throw Error(ErrorCode::corrupt, "header",
                "no header: the first key is \"" + printable(key) + "\" instead of the empty one");
  }
  header_ = parse_header(value);
  manifest_.attributes["tensorflow.num_shards"] = std::int64_t{header_->num_shards};
  manifest_.attributes["tensorflow.producer"] = std::int64_t{header_->producer};
  manifest_.attributes["tensorflow.endianness"] =
      std::string(header_->order == std::endian::big ? "big" : "little");
  manifest_.notes = resolved_.notes;
}

void ManifestBuilder::add(std::string_view key, std::string_view value) {
  if (!header_) return add_header(key, value);
  if (key.starts_with('\0') && decode_slice_key(key)) {
    slices_.emplace(std::string(key), SliceEntry{std::string(value)});
    return;
  }
  Tensor& tensor = manifest_.tensors.emplace_back();
  tensor.name = key;
  tensor.bookkeeping = is_bookkeeping(key);
  if (key == kGraphKey) tensor.attributes[carry_as_attribute] = std::string(kGraphAttribute);
  try {
    parse(value, entry_);
    fill(tensor, entry_);
  } catch (const Error& error) {
    tensor.stored.pieces.clear();
    tensor.problem = error.in_file(resolved_.index->name()).in_tensor(tensor.name);
  }
}

void ManifestBuilder::fill(Tensor& tensor, const BundleEntry& entry) {
  tensor.dtype = dtype_of_code(entry.dtype_code);
  tensor.bookkeeping =
      tensor.bookkeeping || tensor.dtype == DType::variant || tensor.dtype == DType::resource;
  tensor.stored.order = header_->order;
  tensor.shape = shape_of(entry, limits_.rank);
  check_dtype(entry.dtype_code);
  if (!entry.is_plain()) return fill_slices(tensor, entry);
  if (element_count(tensor.shape) == 0) {
    empty_.push_back({manifest_.tensors.size() - 1, entry.shard, entry.offset, entry.size});
  }
  place(entry, tensor.dtype, tensor.shape, tensor.stored.pieces.emplace_back());
}

void ManifestBuilder::fill_slices(Tensor& tensor, const BundleEntry& entry) {
  if (tensor.dtype == DType::variant) {
    throw Error(ErrorCode::unsupported, "dtype", "a variant tensor in slices");
  }
  std::vector<Box> boxes;
  std::vector<std::string> missing;
  // All of them first: one that cannot be read does not make orphans of the rest.
  for (const Slice& slice : entry.slices) {
    const auto found = slices_.find(encode_slice_key(tensor.name, slice));
    if (found != slices_.end()) found->second.used = true;
  }
  for (const Slice& slice : entry.slices) {
    try {
      boxes.push_back(box_of(slice, tensor.shape));
      Piece piece = slice_piece(tensor, entry, slice, boxes.back().extent);
      piece.start = boxes.back().start;
      piece.extent = boxes.back().extent;
      if (element_count(piece.extent) != 0) tensor.stored.pieces.push_back(std::move(piece));
    } catch (const Error& error) {
      if (!is_missing(error)) throw;
      missing.push_back(error.file());
    }
  }
  if (!resolved_.is_part) check_cover(boxes, tensor.shape);
  if (!missing.empty()) {
    std::sort(missing.begin(), missing.end());
    missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
    std::string text = "data files that hold slices of it are missing:";
    for (const std::string& name : missing) text += ' ' + printable(name);
    throw Error(ErrorCode::input, "missing", std::move(text)).in_file(missing.front());
  }
  if (tensor.stored.pieces.empty()) tensor.stored.pieces.push_back(empty_piece(tensor.dtype));
}

Piece ManifestBuilder::slice_piece(const Tensor& tensor, const BundleEntry& whole,
                                   const Slice& slice, const Shape& extent) {
  const auto found = slices_.find(encode_slice_key(tensor.name, slice));
  if (found == slices_.end()) {
    throw Error(ErrorCode::corrupt, "slices",
                "slice " + slice_text(slice) + " is not in the index");
  }
  try {
    BundleEntry entry;
    parse(found->second.value, entry);
    if (dtype_of_code(entry.dtype_code) != dtype_of_code(whole.dtype_code)) {
      throw Error(ErrorCode::corrupt, "slice",
                  "its dtype number " + std::to_string(entry.dtype_code) + " is not the tensor's " +
                      std::to_string(whole.dtype_code));
    }
    const Shape shape = shape_of(entry, limits_.rank);
    if (shape != extent || !entry.slices.empty()) {
      throw Error(ErrorCode::corrupt, "slice", "stored with shape " + to_string(shape));
    }
    Piece piece;
    place(entry, tensor.dtype, shape, piece);
    return piece;
  } catch (const Error& error) {
    throw in_slice(error, slice);
  }
}

void ManifestBuilder::place(const BundleEntry& entry, DType dtype, const Shape& shape,
                            Piece& piece) {
  const std::uint64_t elements = element_count(shape);
  if (entry.offset < 0 || entry.size < 0) {
    throw Error(ErrorCode::corrupt, "range",
                "offset " + std::to_string(entry.offset) + ", size " + std::to_string(entry.size));
  }
  const auto size = static_cast<std::uint64_t>(entry.size);
  if (is_fixed_size(dtype)) {
    const std::uint64_t expected = checked_multiply(elements, info(dtype).bytes);
    if (size != expected) {
      throw Error(ErrorCode::corrupt, "size",
                  std::to_string(size) + " bytes stored, " + std::string(to_string(dtype)) + " " +
                      to_string(shape) + " takes " + std::to_string(expected));
    }
  }
  if (elements == 0 && dtype != DType::variant) {
    piece = empty_piece(dtype);
    if (dtype != DType::string) piece.checksum = checksum_of(entry.masked_crc);
    return;
  }
  FileRange range = range_of(entry);
  if (dtype == DType::string) {
    if (elements > size) {
      throw Error(ErrorCode::corrupt, "size",
                  std::to_string(elements) + " strings in " + std::to_string(size) + " bytes");
    }
    const StringPayload payload{std::move(range.file), range.offset,    size, elements,
                                header_->order,        entry.masked_crc};
    const std::string shard = payload.file->name();
    piece.origin = StringSource{memory_for(payload),
                                [payload, shard] {
                                  try {
                                    return load_strings(payload);
                                  } catch (const Error& error) {
                                    throw error.in_file(shard);
                                  }
                                },
                                "crc32c", FileRange{payload.file, payload.offset, payload.size}};
    return;
  }
  if (dtype == DType::variant) {
    if (header_->order == std::endian::big) {
      throw Error(ErrorCode::unsupported, "dtype", "a variant in a big-endian checkpoint");
    }
  } else {
    piece.checksum = checksum_of(entry.masked_crc);  // a variant's covers more than its bytes
  }
  piece.origin = std::move(range);
}

ManifestBuilder::Shard& ManifestBuilder::shard_of(const BundleEntry& entry) {
  if (entry.shard < 0 || entry.shard >= header_->num_shards) {
    throw Error(ErrorCode::corrupt, "shard",
                "in shard " + std::to_string(entry.shard) + "; the header counts " +
                    std::to_string(header_->num_shards));
  }
  const auto [place, is_new] = shards_.try_emplace(entry.shard);
  Shard& shard = place->second;
  if (is_new) {
    const std::string name = shard_name(resolved_.prefix, entry.shard, header_->num_shards);
    try {
      shard.file = input_.sibling(name);
      check_no_lfs_pointer(*shard.file);
    } catch (const Error& error) {
      const Error why = is_missing(error)
                            ? Error(ErrorCode::input, "missing", "the data file is missing")
                            : error;
      shard.error = why.in_file(error.file()).in_file(name);
    }
  }
  if (shard.error) throw Error(*shard.error);
  return shard;
}

FileRange ManifestBuilder::range_of(const BundleEntry& entry) {
  Shard& shard = shard_of(entry);
  const auto offset = static_cast<std::uint64_t>(entry.offset);
  const auto size = static_cast<std::uint64_t>(entry.size);
  const std::uint64_t available = shard.file->size();
  if (size > available || offset > available - size) {
    // Both are below 2^63, so that the sum does not wrap.
    throw Error(ErrorCode::corrupt, "truncated",
                "needs bytes " + std::to_string(offset) + ".." + std::to_string(offset + size) +
                    ", file has " + std::to_string(available))
        .in_file(shard.file->name());
  }
  shard.used_end = std::max(shard.used_end, offset + size);
  return {shard.file, offset, size};
}

void ManifestBuilder::place_empty() {
  for (const Empty& empty : empty_) {
    const auto found = shards_.find(empty.shard);
    Tensor& tensor = manifest_.tensors[empty.tensor];
    if (found == shards_.end() || !found->second.file || tensor.problem || empty.offset < 0)
      continue;
    Shard& shard = found->second;
    const auto offset = static_cast<std::uint64_t>(empty.offset);
    const auto size = static_cast<std::uint64_t>(std::max<std::int64_t>(empty.size, 0));
    if (offset > shard.file->size() || size > shard.file->size() - offset) continue;
    auto& origin = tensor.stored.pieces.at(0).origin;
    if (auto* strings = std::get_if<Strings>(&origin)) {
      StringSource placed = **strings;
      placed.place = {shard.file, offset, size};
      *strings = std::move(placed);
      shard.used_end = std::max(shard.used_end, offset + size);
    } else {
      origin = FileRange{shard.file, offset, 0};
    }
  }
}

void ManifestBuilder::list_orphans() {
  std::vector<std::string> keys;
  for (const auto& [key, entry] : slices_) {
    if (!entry.used) keys.push_back(key);
  }
  if (keys.empty()) return;
  std::sort(keys.begin(), keys.end());
  std::unordered_set<std::string_view> taken;
  for (const Tensor& tensor : manifest_.tensors) taken.insert(tensor.name);
  std::vector<Tensor> orphans;
  for (const std::string& key : keys) {
    const auto decoded = decode_slice_key(key);
    Tensor& tensor = orphans.emplace_back();
    tensor.name = decoded->name + slice_text(decoded->slice);
    // Raw keys are unique, readable names need not be.
    if (taken.contains(tensor.name)) tensor.name = key;
    try {
      parse(slices_.at(key).value, entry_);
      tensor.dtype = dtype_of_code(entry_.dtype_code);
      tensor.shape = shape_of(entry_, limits_.rank);
    } catch (const Error&) {
      // The problem below stands whatever the entry says.
    }
    tensor.problem = Error(ErrorCode::corrupt, "orphan_slice", "a slice that no tensor lists")
                         .in_tensor(tensor.name);
  }
  std::move(manifest_.tensors.begin(), manifest_.tensors.end(), std::back_inserter(orphans));
  manifest_.tensors = std::move(orphans);
}

void ManifestBuilder::note_shards() {
  for (const auto& [number, shard] : shards_) {
    if (shard.error && is_missing(*shard.error)) continue;  // told of all formats alike
    if (shard.error) {
      manifest_.notes.push_back({"tensorflow.missing_shard",
                                 printable(shard.error->file()) + ": " + shard.error->message()});
    } else if (shard.used_end < shard.file->size()) {
      manifest_.notes.push_back(
          {"tensorflow.trailing_bytes", printable(shard.file->name()) + ": " +
                                            std::to_string(shard.file->size() - shard.used_end) +
                                            " bytes behind the last tensor are not used"});
    }
  }
}

Manifest ManifestBuilder::finish() && {
  if (!header_) throw Error(ErrorCode::corrupt, "header", "no header: the table has no entry");
  place_empty();
  list_orphans();
  note_shards();
  return std::move(manifest_);
}

}  // namespace tensorferry::tensorflow
