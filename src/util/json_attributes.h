// Attributes as two JSON objects: `attributes`, and `attributes_base64` for bytes that are not
// UTF-8.
#pragma once

#include "tensorferry/manifest.h"
#include "util/json.h"

namespace tensorferry {

/// Fills the two objects; one that gets nothing stays as it is. Throws Error(unsupported.attribute)
/// for what JSON cannot say: a number that is not finite, a key that is not UTF-8. `where` names
/// the holder: "a manifest".
void attributes_to_json(const Attributes& attributes, std::string_view where, Json& plain,
                        Json& base64);

/// Reads the members `attributes` and `attributes_base64` of `object`; absent ones are empty.
/// Throws Error(corrupt.manifest) for anything but scalars, and for a key that both have.
Attributes attributes_from_json(const Json& object);

/// base64_decode of a JSON string. Throws Error(corrupt.manifest) naming `key`.
std::string base64_from_json(const Json& value, std::string_view key);

}  // namespace tensorferry
