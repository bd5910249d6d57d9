#include <algorithm>
#include <limits>

#include "chunks.h"
#include "encoding.h"
#include "file_image.h"
#include "hdf5_writer.h"
#include "names.h"
#include "tensorferry/stream.h"
#include "util/text.h"
#include "write_options.h"

namespace tensorferry {
namespace {

using hdf5::StoredPaths;

constexpr std::size_t kMaxAttributes = 60'000;  // an object header counts its messages in 16 bits
// Large tensors begin on a page, which costs 3 % at most and lets tools map and clone them.
constexpr std::uint64_t kAlignedFrom = 64 * 1024, kPage = 4096, kAlignment = 8;

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
  for (const auto& [name, value] : attributes) {
    const auto* text = std::get_if<std::string>(&value);
    if (hdf5::stored_attribute_name(name).size() > hdf5::kMaxAttributeName) {
      offenders.add(owner, "the name of the attribute " + printable(name, 40) + " is longer than " +
                               std::to_string(hdf5::kMaxAttributeName) + " bytes");
    } else if (text != nullptr && text->size() > std::numeric_limits<std::uint32_t>::max()) {
      offenders.add(owner, "the attribute " + printable(name, 40) + " is longer than 4 GiB");
    }
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

class Hdf5File {
 public:
  explicit Hdf5File(const Manifest& manifest)
      : manifest_(manifest),
        paths_(names_of(manifest)),
        image_((check(), expected_bytes(manifest))) {}

  Layout lay_out() {
    layout_.slots.resize(manifest_.tensors.size());
    for (const std::size_t i : paths_.order()) add(i);
    image_.finish(stored_attributes(manifest_.attributes));
    const std::uint64_t end = place();
    layout_.files.push_back({"", end});
    layout_.segments.push_back({0, 0, image_.take(end)});
    return std::move(layout_);
  }

 private:
  static std::vector<std::string_view> names_of(const Manifest& manifest) {
    std::vector<std::string_view> names;
    names.reserve(manifest.tensors.size());
    for (const Tensor& tensor : manifest.tensors) names.push_back(tensor.name);
    return names;
  }

  static std::size_t expected_bytes(const Manifest& manifest) {
    constexpr std::size_t kFile = 1024, kTensor = 192;
    std::size_t bytes = kFile;
    for (const Tensor& tensor : manifest.tensors)
      bytes += kTensor + 8 * tensor.shape.size() + tensor.name.size();
    return bytes;
  }

  void check() const {
    Offenders offenders;
    check_attributes(manifest_.attributes, "the file", offenders);
    for (std::size_t i = 0; i < manifest_.tensors.size(); ++i)
      check_tensor(manifest_.tensors[i], paths_.of(i), offenders);
    offenders.refuse();
  }

  // The slot's offset is, until place(), where its address is to be set.
  void add(std::size_t index) {
    const Tensor& tensor = manifest_.tensors[index];
    const std::string_view path = paths_.of(index);
    Slot& slot = layout_.slots[index];
    slot.tensor = index;
    if (tensor.dtype == DType::string) {
      slot.fill = Slot::Fill::literal;
      const std::vector<std::string> texts = load_strings(tensor);
      const bool as_text = std::all_of(texts.begin(), texts.end(), hdf5::is_hdf5_text);
      image_.add_strings(path, tensor.shape, texts, as_text,
                         stored_attributes(tensor, path, !as_text));
      return;
    }
    const Encoding encoding = hdf5::encoding_of(tensor.dtype).value();
    slot.codec = encoding.codec;
    slot.length = encoded_bytes(tensor.dtype, encoding.codec, tensor.elements());
    slot.offset =
        image_.add_dataset(path, encoding.dtype, tensor.shape, slot.length,
                           stored_attributes(tensor, path, encoding.carrier != Carrier::native));
  }

  // Elements stand in the order of the manifest. Returns the end of the file.
  std::uint64_t place() {
    std::uint64_t end = image_.size();
    for (Slot& slot : layout_.slots) {
      if (slot.length == 0) {
        slot.offset = 0;
        continue;
      }
      const std::uint64_t alignment = slot.length >= kAlignedFrom ? kPage : kAlignment;
      end = checked_add(end, (alignment - end % alignment) % alignment);
      image_.set_address(slot.offset, end);
      slot.offset = end;
      end = checked_add(end, slot.length);
    }
    return end;
  }

  const Manifest& manifest_;
  StoredPaths paths_;
  hdf5::FileImage image_;
  Layout layout_;
};

class Hdf5Writer final : public Writer {
 public:
  std::optional<Encoding> encoding(DType dtype) const override { return hdf5::encoding_of(dtype); }

  Layout lay_out(const Manifest& manifest, const Output& output,
                 const Options& options) const override {
    if (output.directory) {
      throw Error(ErrorCode::usage, "output", "an HDF5 output is one file, not a directory");
    }
    const hdf5::Compression compression = hdf5::compression_of(options);
    if (compression.gzip) return hdf5::lay_out_compressed(manifest, compression);
    return Hdf5File(manifest).lay_out();
  }
};

}  // namespace

std::shared_ptr<const Writer> make_hdf5_writer() { return std::make_shared<Hdf5Writer>(); }

}  // namespace tensorferry
