#include "json_text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "tensorferry/error.h"

namespace tensorferry::cli {
namespace {

/// Harmful characters, as printable() has them, become \u escapes; in JSON they are only in
/// strings.
std::string escaped(std::string json) {
  const auto plain = [](char c) { return static_cast<unsigned char>(c) < 0x7f; };
  if (std::all_of(json.begin(), json.end(), plain)) return json;
  std::string text;
  for (std::size_t at = 0; at < json.size();) {
    std::size_t end = at + 1;
    while (end < json.size() && (static_cast<unsigned char>(json[end]) & 0xc0) == 0x80) ++end;
    const std::string_view c = std::string_view(json).substr(at, end - at);
    at = end;
    if (plain(c[0]) || printable(c) == c) {
      text += c;
      continue;
    }
    // Of one to three bytes: all of them lie below 0x10000.
    std::uint32_t code = static_cast<unsigned char>(c[0]) & (0xff >> c.size());
    for (const char next : c.substr(1)) code = code << 6 | (static_cast<unsigned char>(next) & 63);
    constexpr std::string_view digits = "0123456789abcdef";
    text += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) text += digits[code >> shift & 15];
  }
  return text;
}

/// The text as a JSON string, or nothing when it is not UTF-8.
std::optional<std::string> json_string(std::string_view text) {
  try {
    return escaped(Json(text).dump());
  } catch (const Json::type_error&) {
    return std::nullopt;
  }
}

// RFC 4648 with padding
std::string base64(std::string_view bytes) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = i; j < i + 3; ++j)
      group = group << 8 | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      text += j <= bytes.size() - i ? alphabet[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

}  // namespace

Json json_bytes(std::string_view bytes) {
  if (json_string(bytes)) return bytes;
  return Json{{"base64", base64(bytes)}};
}

void append_json_bytes(std::string& out, std::string_view bytes) {
  if (const auto text = json_string(bytes))
    out += *text;
  else
    out += to_text(json_bytes(bytes));
}

Json json_attributes(const Attributes& attributes) {
  Json object = Json::object();
  for (const auto& [key, value] : attributes) {
    // a key is a name that a format chose; one that is not UTF-8 would spoil the whole document
    const std::string name = json_string(key) ? key : printable(key, 0);
    if (const auto* text = std::get_if<std::string>(&value))
      object[name] = json_bytes(*text);
    else if (const auto* number = std::get_if<double>(&value))
      object[name] = json_number(*number);
    else if (const auto* integer = std::get_if<std::int64_t>(&value))
      object[name] = *integer;
    else
      object[name] = std::get<bool>(value);
  }
  return object;
}

Json json_tensor(const Tensor& tensor) {
  Json object = Json::object();
  if (json_string(tensor.name))
    object["name"] = tensor.name;
  else
    object["name_base64"] = base64(tensor.name);
  object["dtype"] = to_string(tensor.dtype);
  object["shape"] = tensor.shape;
  return object;
}

Json json_notes(const std::vector<Note>& notes) {
  Json array = Json::array();
  for (const Note& note : notes)
    array.push_back({{"id", note.id}, {"text", json_bytes(note.text)}});
  return array;
}

Json json_number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
}

std::string to_text(const Json& json) { return escaped(json.dump()); }

}  // namespace tensorferry::cli
