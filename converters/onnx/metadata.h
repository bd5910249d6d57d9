// metadata_props: what ONNX has no field for. README.md describes the entries.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "names.h"
#include "tensorferry/manifest.h"

namespace tensorferry::onnx {

/// Keys and values of ModelProto.metadata_props, UTF-8, keys unique, in a fixed order:
/// the file's attributes that are text, then `tensorferry.attributes` (numbers, booleans, and keys
/// that are ours or empty), `tensorferry.attributes_base64` (bytes that are not UTF-8), and
/// `tensorferry.tensors` (tensors that are carried as another type, renamed, or have attributes),
/// each only if there is something to say. Throws Error(unsupported.attribute) for a key that is
/// not UTF-8 and for a number that is not finite, as a manifest.json does.
std::vector<std::pair<std::string, std::string>> metadata_entries(const Manifest& manifest,
                                                                  const StoredNames& names);

}  // namespace tensorferry::onnx
