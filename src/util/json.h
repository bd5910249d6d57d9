// JSON from untrusted bytes, by nlohmann-json with the bounds that it lacks.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace tensorferry {

/// Objects keep the order of their keys.
using Json = nlohmann::ordered_json;

/// Throws Error(corrupt.json) for malformed text, duplicate keys in an object, invalid UTF-8, a
/// BOM, trailing bytes and nesting above `depth`.
Json parse_json(std::string_view text, std::size_t depth = 64);

/// Appends `text` in quotes, escaped where JSON wants it. Throws what nlohmann-json does for text
/// that is not UTF-8.
void append_json_string(std::string& out, std::string_view text);

}  // namespace tensorferry
