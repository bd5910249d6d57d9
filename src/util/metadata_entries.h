// Text entries, keys to values, for formats that have such a channel and no field for what we must
// say: ONNX metadata_props, safetensors __metadata__, the comment of an .npz.
//
//   KEY                              the file's attributes that are text, under their own keys
//   tensorferry.attributes           {"KEY": number, true, ...}    attributes that are not text, or
//   have a key of ours tensorferry.attributes_base64    {"KEY": "..."}                attributes
//   that are not UTF-8 tensorferry.tensors              {"STORED NAME": {"dtype", "carrier",
//   "shape", "name_base64", "attributes",
//                                     "attributes_base64"}}        tensors that are carried,
//                                     renamed or have attributes
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensorferry/format.h"
#include "tensorferry/manifest.h"

namespace tensorferry {

using MetadataEntries = std::vector<std::pair<std::string, std::string>>;

/// What a writer does with the tensors of a manifest.
struct StoredAs {
  std::string_view format;  ///< for messages: "an ONNX model"
  std::function<std::optional<Encoding>(DType)> encoding;
  /// The name in the file of the tensor at that index; valid as long as this.
  std::function<std::string_view(std::size_t)> name;
  /// Set: asked instead of `encoding`, by a format in which it depends on the shape.
  std::function<std::optional<Encoding>(const Tensor&)> encoding_of = {};
};

/// Keys and values, UTF-8, keys unique, in a fixed order; only what there is something to say of.
/// Throws Error(unsupported.attribute) for a key that is not UTF-8 and for a number that is not
/// finite.
MetadataEntries metadata_entries(const Manifest& manifest, const StoredAs& stored);

/// Undoes it on what a reader found: tensors get their names, dtypes, shapes and attributes back,
/// the rest becomes attributes of the manifest, and pairs of strings are joined. What does not fit
/// stays as it is stored, with a note.
Manifest apply_metadata(Manifest manifest, const MetadataEntries& entries, const Limits& limits);

}  // namespace tensorferry
