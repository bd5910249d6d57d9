#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "chunk_sink.h"
#include "chunks.h"
#include "encoding.h"
#include "file_image.h"
#include "hdf5_writer.h"
#include "names.h"
#include "object_header.h"
#include "placing.h"
#include "tensorferry/stream.h"
#include "util/text.h"
#include "write_options.h"

namespace tensorferry {
namespace {

using hdf5::Compression;
using hdf5::StoredPaths;

constexpr std::size_t kMaxAttributes = 60'000;  // an object header counts its messages in 16 bits
// Of an attribute in an object header, beside its name: the message's header, sizes, a NUL, the
// longest type, space, element, padding.
constexpr std::uint64_t kAttributeFrame = 8 + 9 + 1 + 38 + 8 + 16 + 7;
// What else is in a header: eight links of 64 KiB at most.
constexpr std::uint64_t kMostOfAttributes = hdf5::kMostHeader - (std::uint64_t{1} << 20);

// Every reason to refuse the manifest, said at once.
class Offenders {
 public:
  void add(std::string_view tensor, std::string_view why) {
    ++count_;
    if (count_ <= kTold) lines_ += "\n  " + printable(tensor) + ": " + std::string(why);
  }
  void refuse() const {
    if (count_ == 0) return;
    std::string message = "HDF5 cannot hold " + std::to_string(count_) +
                          (count_ == 1 ? " item:" : " items:") + lines_;
    if (count_ > kTold) message += "\n  and " + std::to_string(count_ - kTold) + " more";
    throw Error(ErrorCode::unsupported, "hdf5", std::move(message));
  }

 private:
  static constexpr std::size_t kTold = 50;
  std::size_t count_ = 0;
  std::string lines_;
};

void check_attributes(const Attributes& attributes, std::string_view owner, Offenders& offenders) {
  if (attributes.size() > kMaxAttributes) {
    offenders.add(owner, "has " + std::to_string(attributes.size()) + " attributes, at most " +
                             std::to_string(kMaxAttributes) + " are written");
  }
  std::uint64_t bytes = 0;
  for (const auto& [name, value] : attributes) {
    const auto* text = std::get_if<std::string>(&value);
    const std::size_t length = hdf5::stored_attribute_name(name).size();
    bytes += kAttributeFrame + length;
    if (length > hdf5::kMaxAttributeName) {
      offenders.add(owner, "the name of the attribute " + printable(name, 40) + " is longer than " +
                               std::to_string(hdf5::kMaxAttributeName) + " bytes");
    } else if (text != nullptr && text->size() > std::numeric_limits<std::uint32_t>::max()) {
      offenders.add(owner, "the attribute " + printable(name, 40) + " has 4 GiB or more");
    }
  }
  if (bytes > kMostOfAttributes) {
    offenders.add(owner, "its attributes take " + std::to_string(bytes) +
                             " bytes of an object header, at most " +
                             std::to_string(kMostOfAttributes) + " are written");
  }
}

void check_tensor(const Tensor& tensor, std::string_view path, Offenders& offenders) {
  if (!hdf5::encoding_of(tensor.dtype)) {
    offenders.add(tensor.name,
                  "there is no way to write the dtype " + std::string(to_string(tensor.dtype)));
    return;
  }
  if (const auto problem = hdf5::path_problem(path)) offenders.add(tensor.name, *problem);
  if (tensor.shape.size() > hdf5::kMaxRank) {
    offenders.add(tensor.name, "has " + std::to_string(tensor.shape.size()) +
                                   " dimensions, at most " + std::to_string(hdf5::kMaxRank) +
                                   " are possible");
  }
  check_attributes(tensor.attributes, tensor.name, offenders);
}

Attributes stored_attributes(const Attributes& attributes) {
  Attributes stored;
  for (const auto& [name, value] : attributes)
    stored.emplace(hdf5::stored_attribute_name(name), value);
  return stored;
}

// The tensor's own, and what the type (`tag_dtype`) and the path do not tell.
Attributes stored_attributes(const Tensor& tensor, std::string_view path, bool tag_dtype) {
  Attributes stored = stored_attributes(tensor.attributes);
  if (tag_dtype) stored["tensorferry_dtype"] = std::string(to_string(tensor.dtype));
  if (path == tensor.name) return stored;
  if (hdf5::is_hdf5_text(tensor.name)) {
    stored["tensorferry_name"] = tensor.name;
  } else {
    stored["tensorferry_name_base64"] = base64_encode(tensor.name);
  }
  return stored;
}

class FileLayout {
 public:
  FileLayout(const Manifest& manifest, const Compression& compression, const Limits& limits)
      : manifest_(manifest),
        compression_(compression),
        limits_(limits),
        paths_(names_of(manifest)) {
    check();
    if (compression.gzip) plan_chunks();
    image_.emplace(expected_bytes(), hdf5::best_half_node(trees_));
  }

  Layout lay_out() {
    layout_.slots.resize(manifest_.tensors.size());
    for (const std::size_t i : paths_.order()) add(i);
    image_->finish(stored_attributes(manifest_.attributes));
    const std::uint64_t end = place();
    layout_.files.push_back({"", end, most_of_chunks()});
    if (!trees_.empty()) {
      layout_.sink = hdf5::make_chunk_sink({image_->superblock(), std::move(trees_)}, compression_);
    }
    layout_.segments.push_back({0, 0, image_->take(end)});
    return std::move(layout_);
  }

 private:
  static std::vector<std::string_view> names_of(const Manifest& manifest) {
    std::vector<std::string_view> names;
    names.reserve(manifest.tensors.size());
    for (const Tensor& tensor : manifest.tensors) names.push_back(tensor.name);
    return names;
  }

  void check() const {
    Offenders offenders;
    check_attributes(manifest_.attributes, "the file", offenders);
    for (std::size_t i = 0; i < manifest_.tensors.size(); ++i)
      check_tensor(manifest_.tensors[i], paths_.of(i), offenders);
    offenders.refuse();
  }

  static bool has_chunks(const Tensor& tensor) {
    return tensor.dtype != DType::string && !tensor.shape.empty() && tensor.elements() != 0;
  }

  void plan_chunks() {
    tree_of_.resize(manifest_.tensors.size());
    for (std::size_t i = 0; i < manifest_.tensors.size(); ++i) {
      const Tensor& tensor = manifest_.tensors[i];
      if (!has_chunks(tensor)) continue;
      const std::uint64_t bytes = info(hdf5::encoding_of(tensor.dtype)->dtype).bytes;
      tree_of_[i] = trees_.size();
      trees_.push_back(
          {tensor.shape, hdf5::chunk_shape(tensor.shape, bytes, compression_.chunk), bytes, 0});
    }
  }

  // Of the image: a guess.
  std::size_t expected_bytes() const {
    constexpr std::size_t kFile = 1024, kTensor = 192;
    std::size_t bytes = kFile;
    for (const Tensor& tensor : manifest_.tensors)
      bytes += kTensor + 8 * tensor.shape.size() + tensor.name.size();
    return bytes;
  }

  // The slot's offset is, until place(), where its address is to be set.
  void add(std::size_t index) {
    const Tensor& tensor = manifest_.tensors[index];
    const std::string_view path = paths_.of(index);
    Slot& slot = layout_.slots[index];
    slot.tensor = index;
    if (tensor.dtype == DType::string) {
      slot.fill = Slot::Fill::literal;
      add_strings(tensor, path);
      return;
    }
    const Encoding encoding = hdf5::encoding_of(tensor.dtype).value();
    slot.codec = encoding.codec;
    slot.length = encoded_bytes(tensor.dtype, encoding.codec, tensor.elements());
    const Attributes attributes =
        stored_attributes(tensor, path, encoding.carrier != Carrier::native);
    if (compression_.gzip && has_chunks(tensor)) {
      slot.fill = Slot::Fill::sink;
      image_->add_chunked(path, encoding.dtype, trees_[tree_of_[index]], compression_, attributes);
    } else {
      slot.offset =
          image_->add_dataset(path, encoding.dtype, tensor.shape, slot.length, attributes);
    }
  }

  void add_strings(const Tensor& tensor, std::string_view path) {
    const std::vector<std::string> texts = load_strings(tensor, limits_);
    const bool as_text = std::all_of(texts.begin(), texts.end(), hdf5::is_hdf5_text);
    try {
      image_->add_strings(path, tensor.shape, texts, as_text,
                          stored_attributes(tensor, path, !as_text));
    } catch (const Error& error) {
      throw error.in_tensor(tensor.name);
    }
  }

  // Elements stand in the order of the manifest. Returns the end of them.
  std::uint64_t place() {
    std::uint64_t end = image_->size();
    for (Slot& slot : layout_.slots) {
      if (slot.fill != Slot::Fill::moved) continue;
      const std::uint64_t field = std::exchange(slot.offset, 0);
      if (slot.length == 0) continue;
      slot.offset = hdf5::place_behind(end, slot.length);
      image_->set_address(field, slot.offset);
      end = checked_add(slot.offset, slot.length);
    }
    return end;
  }

  // Bytes of all chunks at most, each with what aligns it.
  std::uint64_t most_of_chunks() const {
    std::uint64_t bytes = 0;
    for (const hdf5::ChunkTree& tree : trees_) {
      const std::uint64_t chunk = hdf5::largest_compressed(tree.chunk_bytes());
      const std::uint64_t placed = hdf5::place_behind(1, chunk) + chunk;
      bytes = checked_add(bytes, checked_multiply(tree.chunks(), placed));
    }
    return bytes;
  }

  const Manifest& manifest_;
  const Compression compression_;
  const Limits& limits_;
  StoredPaths paths_;
  std::vector<hdf5::ChunkTree> trees_;  // of the tensors that have chunks
  std::vector<std::size_t> tree_of_;    // of each tensor; empty without compression
  std::optional<hdf5::FileImage> image_;
  Layout layout_;
};

class Hdf5Writer final : public Writer {
 public:
  std::optional<Encoding> encoding(DType dtype) const override { return hdf5::encoding_of(dtype); }

  Layout lay_out(const Manifest& manifest, const Output& output, const Options& options,
                 const Limits& limits) const override {
    if (output.directory) {
      throw Error(ErrorCode::usage, "output", "an HDF5 output is one file, not a directory");
    }
    return FileLayout(manifest, hdf5::compression_of(options), limits).lay_out();
  }
};

}  // namespace

std::shared_ptr<const Writer> make_hdf5_writer() { return std::make_shared<Hdf5Writer>(); }

}  // namespace tensorferry
