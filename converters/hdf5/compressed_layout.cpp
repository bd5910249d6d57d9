#include <algorithm>
#include <limits>
#include <numeric>

#include "chunks.h"
#include "encoding.h"
#include "file_sink.h"
#include "hdf5_writer.h"
#include "names.h"
#include "util/text.h"
#include "write_options.h"

namespace tensorferry {
namespace {

using hdf5::Compression;
using hdf5::Dataset;
using hdf5::FilePlan;

constexpr std::size_t kMaxRank = 32;            // H5S_MAX_RANK
constexpr std::size_t kMaxAttributes = 60'000;  // an object header counts its messages in 16 bits

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

Attributes stored_attributes(const Attributes& attributes, std::string_view owner,
                             Offenders& offenders) {
  if (attributes.size() > kMaxAttributes) {
    offenders.add(owner, "has " + std::to_string(attributes.size()) + " attributes, at most " +
                             std::to_string(kMaxAttributes) + " are written");
  }
  Attributes stored;
  for (const auto& [name, value] : attributes) {
    std::string stored_name = hdf5::stored_attribute_name(name);
    const auto* text = std::get_if<std::string>(&value);
    if (stored_name.size() > hdf5::kMaxAttributeName) {
      offenders.add(owner, "the name of the attribute " + printable(name, 40) + " is longer than " +
                               std::to_string(hdf5::kMaxAttributeName) + " bytes");
    } else if (text != nullptr && text->size() > std::numeric_limits<std::uint32_t>::max()) {
      offenders.add(owner, "the attribute " + printable(name, 40) + " is longer than 4 GiB");
    } else {
      stored.emplace(std::move(stored_name), value);
    }
  }
  return stored;
}

void add_tags(Dataset& dataset, const Tensor& tensor, const Encoding& encoding) {
  if (encoding.carrier != Carrier::native) {
    dataset.attributes["tensorferry_dtype"] = std::string(to_string(tensor.dtype));
  }
  if (dataset.path == tensor.name) return;
  if (hdf5::is_hdf5_text(tensor.name)) {
    dataset.attributes["tensorferry_name"] = tensor.name;
  } else {
    dataset.attributes["tensorferry_name_base64"] = base64_encode(tensor.name);
  }
}

Dataset describe(const Tensor& tensor, std::string path, const Compression& compression,
                 Offenders& offenders) {
  Dataset dataset;
  dataset.path = std::move(path);
  dataset.shape = tensor.shape;
  const auto encoding = hdf5::encoding_of(tensor.dtype);
  if (!encoding) {
    offenders.add(tensor.name,
                  "there is no way to write the dtype " + std::string(to_string(tensor.dtype)));
    return dataset;
  }
  if (const auto problem = hdf5::path_problem(dataset.path)) offenders.add(tensor.name, *problem);
  if (tensor.shape.size() > kMaxRank) {
    offenders.add(tensor.name, "has " + std::to_string(tensor.shape.size()) +
                                   " dimensions, at most " + std::to_string(kMaxRank) +
                                   " are possible");
  }
  dataset.dtype = encoding->dtype;
  dataset.attributes = stored_attributes(tensor.attributes, tensor.name, offenders);
  add_tags(dataset, tensor, *encoding);
  if (tensor.dtype == DType::string) {
    auto texts = std::make_shared<Tensor>(tensor);
    texts->attributes.clear();
    dataset.texts = std::move(texts);
  } else if (compression.gzip && !tensor.shape.empty() && tensor.elements() != 0) {
    dataset.chunk = hdf5::chunk_shape(tensor.shape, info(dataset.dtype).bytes, compression.chunk);
  }
  return dataset;
}

Slot slot_of(std::size_t index, const Tensor& tensor, const Dataset& dataset) {
  Slot slot;
  slot.tensor = index;
  if (dataset.texts) {
    slot.fill = Slot::Fill::literal;
    return slot;
  }
  const Encoding encoding = hdf5::encoding_of(tensor.dtype).value();
  slot.codec = encoding.codec;
  slot.length = encoded_bytes(tensor.dtype, encoding.codec, tensor.elements());
  if (!dataset.chunk.empty()) slot.fill = Slot::Fill::sink;
  return slot;
}

// Bytes of attributes in the file, generously.
std::uint64_t estimate(const Attributes& attributes) {
  std::uint64_t bytes = 0;
  for (const auto& [name, value] : attributes) {
    const auto* text = std::get_if<std::string>(&value);
    bytes += 128 + name.size() + (text != nullptr ? text->size() : 0);
  }
  return bytes;
}

// Bytes of one dataset in the file: elements, and what the library needs beside them (object
// header, link; 16 bytes and a heap object for each string; alignment).
std::uint64_t estimate(const Tensor& tensor, const Dataset& dataset, const Slot& slot) {
  constexpr std::uint64_t kStructure = 1024, kString = 48, kChunkTable = 4096;
  std::uint64_t bytes = kStructure + 2 * dataset.path.size() + estimate(dataset.attributes);
  if (dataset.texts) {
    bytes = checked_add(bytes,
                        checked_add(checked_multiply(tensor.elements(), kString), tensor.bytes()));
  } else {
    bytes = checked_add(bytes, slot.length + slot.length / 32);
  }
  return dataset.chunk.empty() ? bytes : bytes + kChunkTable;
}

// Groups that `next` needs and `before`, its predecessor in byte order, does not.
std::size_t new_groups(std::string_view before, std::string_view next) {
  const auto split = std::mismatch(before.begin(), before.end(), next.begin(), next.end()).second;
  return static_cast<std::size_t>(std::count(split, next.end(), '/'));
}

// Bytes of the groups in the file; paths that are taken are refused.
std::uint64_t estimate_groups(const std::vector<std::string>& paths, const Manifest& manifest,
                              Offenders& offenders) {
  constexpr std::uint64_t kGroup =
      1280;  // object header, B-tree node, local heap, symbol table node
  std::vector<std::size_t> order(paths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return paths[a] < paths[b]; });
  std::uint64_t groups = 1;
  std::string_view before;
  for (std::size_t index : order) {
    if (!before.empty() && before == paths[index]) {
      offenders.add(manifest.tensors[index].name,
                    "its path " + printable(paths[index]) + " is taken");
    }
    groups += new_groups(before, paths[index]);
    before = paths[index];
  }
  return groups * kGroup;
}

}  // namespace

Layout hdf5::lay_out_compressed(const Manifest& manifest, const Compression& compression) {
  std::vector<std::string_view> names;
  for (const Tensor& tensor : manifest.tensors) names.push_back(tensor.name);
  const hdf5::StoredPaths stored(names);
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < names.size(); ++i) paths.emplace_back(stored.of(i));

  Offenders offenders;
  FilePlan plan;
  plan.datasets.reserve(paths.size());
  plan.level = compression.level;
  plan.shuffle = compression.shuffle;
  plan.attributes = stored_attributes(manifest.attributes, "the file", offenders);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    plan.datasets.push_back(describe(manifest.tensors[i], paths[i], compression, offenders));
  }
  std::uint64_t size = estimate_groups(paths, manifest, offenders) + estimate(plan.attributes);
  offenders.refuse();

  Layout layout;
  layout.slots.reserve(paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    layout.slots.push_back(slot_of(i, manifest.tensors[i], plan.datasets[i]));
    size = checked_add(size, estimate(manifest.tensors[i], plan.datasets[i], layout.slots.back()));
  }
  layout.files.push_back({"", size});
  layout.sink = hdf5::make_file_sink(std::move(plan));
  return layout;
}

}  // namespace tensorferry
