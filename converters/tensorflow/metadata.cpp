#include "metadata.h"

#include <algorithm>
#include <utility>

#include "bundle_contents.h"
#include "tensorferry/stream.h"
#include "util/metadata_entries.h"

namespace tensorferry::tensorflow {
namespace {

MetadataEntries entries_of(const Tensor& tensor, const Limits& limits) {
  if (tensor.problem) throw Error(*tensor.problem);
  if (tensor.dtype != DType::string || tensor.shape.size() != 2 || tensor.shape[1] != 2) {
    throw Error(ErrorCode::corrupt, "metadata", "it is not a string tensor [n, 2]");
  }
  Limits bounded = limits;
  bounded.string_bytes = limits.header_bytes;
  std::vector<std::string> strings = load_strings(tensor, bounded);
  MetadataEntries entries;
  for (std::size_t i = 0; i + 1 < strings.size(); i += 2) {
    entries.emplace_back(std::move(strings[i]), std::move(strings[i + 1]));
  }
  return entries;
}

}  // namespace

Manifest apply_own_metadata(Manifest manifest, const Limits& limits) {
  const auto found = std::find_if(manifest.tensors.begin(), manifest.tensors.end(),
                                  [](const Tensor& tensor) { return tensor.name == kMetadataKey; });
  if (found == manifest.tensors.end()) return manifest;
  found->bookkeeping = true;
  MetadataEntries entries;
  try {
    entries = entries_of(*found, limits);
  } catch (const Error& error) {
    manifest.notes.push_back(
        {"tensorflow.metadata", printable(kMetadataKey) + " is left as it is: " + error.message()});
    return manifest;
  }
  manifest.tensors.erase(found);
  return apply_metadata(std::move(manifest), entries, limits);
}

}  // namespace tensorferry::tensorflow
