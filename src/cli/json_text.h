// What the program writes as JSON: always valid UTF-8, whatever the names are.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "tensorferry/manifest.h"

namespace tensorferry::cli {

/// Objects keep the order of their keys.
using Json = nlohmann::ordered_json;

/// A string, or {"base64": ...} for bytes that are not UTF-8.
Json json_bytes(std::string_view bytes);
/// The same, appended as text.
void append_json_bytes(std::string& out, std::string_view bytes);

/// Scalars; numbers that JSON does not know become "NaN", "Infinity" and "-Infinity".
Json json_attributes(const Attributes& attributes);

/// {"name": ...}, or {"name_base64": ...} for a name that is not UTF-8; then dtype and shape.
Json json_tensor(const Tensor& tensor);

/// [{"id": ..., "text": ...}]
Json json_notes(const std::vector<Note>& notes);

/// A number, or "NaN", "Infinity" or "-Infinity".
Json json_number(double value);

/// One line.
std::string to_text(const Json& json);

}  // namespace tensorferry::cli
