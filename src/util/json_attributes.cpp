#include "util/json_attributes.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "util/text.h"

namespace tensorferry {
namespace {

[[noreturn]] void fail(std::string message) {
  throw Error(ErrorCode::corrupt, "manifest", std::move(message));
}

std::string in_quotes(std::string_view text) { return '"' + printable(text) + '"'; }

std::string shown(const Json& value) {
  return value.is_structured() ? std::string("an ") + value.type_name() : printable(value.dump());
}

AttributeValue attribute_of(const Json& value, const std::string& key) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_float()) return value.get<double>();
  const bool whole = value.is_number_integer();
  if (whole && value.is_number_unsigned() &&
      value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    fail("attribute " + in_quotes(key) + " is above 2^63 - 1");
  }
  if (!whole)
    fail("attribute " + in_quotes(key) + " must be a string, number, true or false, found " +
         shown(value));
  return value.get<std::int64_t>();
}

/// The member `key` of `object` where it is there, which must be an object.
const Json* object_member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return nullptr;
  if (!found->is_object()) fail(in_quotes(key) + " must be an object, found " + shown(*found));
  return &*found;
}

}  // namespace

void attributes_to_json(const Attributes& attributes, std::string_view where, Json& plain,
                        Json& base64) {
  for (const auto& [key, value] : attributes) {
    const auto* number = std::get_if<double>(&value);
    if (!is_utf8(key) || (number != nullptr && !std::isfinite(*number))) {
      throw Error(ErrorCode::unsupported, "attribute",
                  std::string(where) + " cannot hold the attribute " + in_quotes(key) +
                      ": its key is not UTF-8 or its number not finite");
    }
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && !is_utf8(*text)) {
      base64[key] = base64_encode(*text);
    } else {
      plain[key] = std::visit([](const auto& held) { return Json(held); }, value);
    }
  }
}

std::string base64_from_json(const Json& value, std::string_view key) {
  if (!value.is_string()) fail(in_quotes(key) + " must be a string, found " + shown(value));
  try {
    return base64_decode(value.get_ref<const std::string&>());
  } catch (const Error& error) {
    fail(in_quotes(key) + ": " + error.message());
  }
}

Attributes attributes_from_json(const Json& object) {
  Attributes attributes;
  if (const Json* plain = object_member(object, "attributes")) {
    for (const auto& [key, value] : plain->items())
      attributes.emplace(key, attribute_of(value, key));
  }
  if (const Json* encoded = object_member(object, "attributes_base64")) {
    for (const auto& [key, value] : encoded->items()) {
      if (!attributes.emplace(key, base64_from_json(value, key)).second) {
        fail("attribute " + in_quotes(key) + " is in \"attributes\" and in \"attributes_base64\"");
      }
    }
  }
  return attributes;
}

}  // namespace tensorferry
