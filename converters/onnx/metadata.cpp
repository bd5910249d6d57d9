#include "metadata.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>
#include <variant>

#include "types.h"
#include "util/json.h"
#include "util/text.h"

namespace tensorferry::onnx {
namespace {

constexpr std::string_view kReserved = "tensorferry.";

// The two objects that manifest.json has, too: bytes that are not UTF-8 stand apart, in base64.
struct JsonAttributes {
  Json plain, base64;  // null when empty

  void add(const std::string& key, const AttributeValue& value) {
    const auto* number = std::get_if<double>(&value);
    if (!is_utf8(key) || (number != nullptr && !std::isfinite(*number))) {
      throw Error(ErrorCode::unsupported, "attribute",
                  "JSON in an ONNX model cannot hold the attribute \"" + printable(key) +
                      "\": its key is not UTF-8 or its number not finite");
    }
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && !is_utf8(*text)) {
      base64[key] = base64_encode(*text);
    } else {
      plain[key] = std::visit([](const auto& held) { return Json(held); }, value);
    }
  }
};

bool is_plain_text(const std::string& key, const AttributeValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr && is_utf8(*text) && !key.empty() && is_utf8(key) &&
         !key.starts_with(kReserved);
}

// The entry of one tensor in `tensorferry.tensors`; empty = nothing to say.
Json tensor_entry(const Tensor& tensor, bool renamed) {
  const ElementType* type = element_type(tensor.dtype);
  const bool carried = type != nullptr && type->encoding.carrier != Carrier::native;
  Json json;
  if (carried) {
    json["dtype"] = to_string(tensor.dtype);
    json["carrier"] = to_string(type->encoding.carrier);
    json["shape"] = tensor.shape;
  }
  if (renamed) json["name_base64"] = base64_encode(tensor.name);
  JsonAttributes attributes;
  for (const auto& [key, value] : tensor.attributes) attributes.add(key, value);
  if (!attributes.plain.is_null()) json["attributes"] = std::move(attributes.plain);
  if (!attributes.base64.is_null()) json["attributes_base64"] = std::move(attributes.base64);
  return json;
}

// One object, put together as text: a tree of a million entries would take ten times as much.
std::string tensors_json(const Manifest& manifest, const StoredNames& names) {
  std::string text;
  for (std::size_t i = 0; i < manifest.tensors.size(); ++i) {
    const Json entry = tensor_entry(manifest.tensors[i], names.escaped(i));
    if (entry.empty()) continue;
    text += text.empty() ? '{' : ',';
    text += Json(names.of(i)).dump();
    text += ':';
    text += entry.dump();
  }
  if (!text.empty()) text += '}';
  return text;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> metadata_entries(const Manifest& manifest,
                                                                  const StoredNames& names) {
  std::vector<std::pair<std::string, std::string>> entries;
  JsonAttributes others;
  for (const auto& [key, value] : manifest.attributes) {
    if (is_plain_text(key, value)) {
      entries.emplace_back(key, std::get<std::string>(value));
    } else {
      others.add(key, value);
    }
  }
  if (!others.plain.is_null()) {
    entries.emplace_back("tensorferry.attributes", others.plain.dump());
  }
  if (!others.base64.is_null()) {
    entries.emplace_back("tensorferry.attributes_base64", others.base64.dump());
  }
  std::string tensors = tensors_json(manifest, names);
  if (!tensors.empty()) entries.emplace_back("tensorferry.tensors", std::move(tensors));
  return entries;
}

}  // namespace tensorferry::onnx
