#include "util/metadata_entries.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>

#include "core/carriers.h"
#include "core/strings.h"
#include "util/json.h"
#include "util/json_attributes.h"
#include "util/name_index.h"
#include "util/text.h"

namespace tensorferry {
namespace {

constexpr std::string_view kReserved = "tensorferry.";
constexpr std::string_view kAttributes = "tensorferry.attributes";
constexpr std::string_view kAttributesBase64 = "tensorferry.attributes_base64";
constexpr std::string_view kTensors = "tensorferry.tensors";

bool is_plain_text(const std::string& key, const AttributeValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr && is_utf8(*text) && !key.empty() && is_utf8(key) &&
         !key.starts_with(kReserved);
}

// The entry of one tensor in `tensorferry.tensors`; empty = nothing to say.
Json tensor_entry(const Tensor& tensor, const StoredAs& stored, std::string_view stored_name) {
  const std::optional<Encoding> encoding =
      stored.encoding_of ? stored.encoding_of(tensor) : stored.encoding(tensor.dtype);
  const bool carried = encoding && encoding->carrier != Carrier::native;
  Json json;
  if (!carried && stored_name == tensor.name && tensor.attributes.empty()) return json;
  if (carried) {
    json["dtype"] = to_string(tensor.dtype);
    json["carrier"] = to_string(encoding->carrier);
    json["shape"] = tensor.shape;
  }
  if (stored_name != tensor.name) json["name_base64"] = base64_encode(tensor.name);
  Json plain, base64;
  attributes_to_json(tensor.attributes, stored.format, plain, base64);
  if (!plain.is_null()) json["attributes"] = std::move(plain);
  if (!base64.is_null()) json["attributes_base64"] = std::move(base64);
  return json;
}

// One object, put together as text: a tree of a million entries would take ten times as much.
std::string tensors_json(const Manifest& manifest, const StoredAs& stored) {
  std::string text;
  for (std::size_t i = 0; i < manifest.tensors.size(); ++i) {
    const std::string_view name = stored.name(i);
    const Json entry = tensor_entry(manifest.tensors[i], stored, name);
    if (entry.empty()) continue;
    text += text.empty() ? '{' : ',';
    append_json_string(text, name);
    text += ':';
    text += entry.dump();
  }
  if (!text.empty()) text += '}';
  return text;
}

// --- Reading
// ---------------------------------------------------------------------------------------------------

Carried carried_of(const Json& entry) {
  const auto parsed = dtype_from_name(entry.at("dtype").get<std::string>());
  const auto carrier = carrier_from_text(entry.at("carrier").get<std::string>());
  if (!parsed || !carrier)
    throw Error(ErrorCode::corrupt, "metadata", "its dtype or carrier is not known");
  Carried tag{*parsed, *carrier, {}};
  for (const Json& extent : entry.at("shape")) {
    if (!extent.is_number_unsigned())
      throw Error(ErrorCode::corrupt, "metadata", "its shape is none");
    tag.shape.push_back(extent.get<std::uint64_t>());
  }
  return tag;
}

// Throws Error for an entry that is malformed, and what nlohmann-json throws.
void apply_entry(Tensor& tensor, const Json& entry) {
  Attributes attributes = attributes_from_json(entry);
  if (entry.contains("dtype")) {
    const std::string why = restore_carried(tensor, carried_of(entry));
    if (!why.empty()) throw Error(ErrorCode::corrupt, "metadata", why);
  }
  tensor.attributes.merge(attributes);
}

class Applier {
 public:
  Applier(Manifest& manifest, const Limits& limits) : manifest_(manifest), limits_(limits) {}

  void apply(const std::string& key, const std::string& value) {
    if (key == kTensors) {
      if (const Json json = parsed(key, value); json.is_object()) apply_tensors(json);
    } else if (key == kAttributes || key == kAttributesBase64) {
      Json holder;
      holder[key == kAttributes ? "attributes" : "attributes_base64"] = parsed(key, value);
      guarded(key, [&] {
        Attributes attributes = attributes_from_json(holder);
        manifest_.attributes.merge(attributes);
      });
    } else if (!key.starts_with(kReserved)) {
      manifest_.attributes.emplace(key, value);
    }
  }

 private:
  template <typename Work>
  bool guarded(std::string_view what, Work&& work) {
    try {
      work();
      return true;
    } catch (const Error& error) {
      note(what, error.message());
    } catch (const Json::exception& error) {
      note(what, error.what());
    }
    return false;
  }

  void note(std::string_view what, std::string_view why) {
    manifest_.notes.push_back(
        {"metadata.inconsistent", printable(what) + " is left as it is stored: " + printable(why)});
  }

  Json parsed(std::string_view key, const std::string& text) {
    Json json;
    guarded(key, [&] { json = parse_json(text, static_cast<std::size_t>(limits_.json_depth)); });
    return json;
  }

  void apply_tensors(const Json& entries) {
    const NameIndex index(manifest_.tensors);
    std::vector<std::pair<std::size_t, std::string>> names;
    for (const auto& item : entries.items()) {
      const Json& entry = item.value();
      const auto found = index.find(item.key());
      // The tensor may have been taken out of the file since.
      if (!found) continue;
      Tensor& tensor = manifest_.tensors[*found];
      guarded(item.key(), [&] {
        if (entry.contains("name_base64")) {
          names.emplace_back(*found, base64_from_json(entry["name_base64"], "name_base64"));
        }
        apply_entry(tensor, entry);
      });
    }
    rename(names);
  }

  // All or nothing, since a name may be another tensor's stored one.
  void rename(std::vector<std::pair<std::size_t, std::string>>& names) {
    std::unordered_map<std::size_t, std::string_view> renamed;
    for (const auto& [at, name] : names) renamed.emplace(at, name);
    std::unordered_set<std::string_view> taken;
    for (std::size_t i = 0; i < manifest_.tensors.size(); ++i) {
      const auto found = renamed.find(i);
      const std::string_view name =
          found == renamed.end() ? std::string_view(manifest_.tensors[i].name) : found->second;
      if (!taken.insert(name).second) {
        note(kTensors, "two tensors would be called \"" + printable(name) + "\"");
        return;
      }
    }
    for (auto& [at, name] : names) manifest_.tensors[at].name = std::move(name);
  }

  Manifest& manifest_;
  const Limits& limits_;
};

}  // namespace

MetadataEntries metadata_entries(const Manifest& manifest, const StoredAs& stored) {
  MetadataEntries entries;
  Attributes others;
  for (const auto& [key, value] : manifest.attributes) {
    if (is_plain_text(key, value)) {
      entries.emplace_back(key, std::get<std::string>(value));
    } else {
      others.emplace(key, value);
    }
  }
  Json plain, base64;
  attributes_to_json(others, stored.format, plain, base64);
  if (!plain.is_null()) entries.emplace_back(kAttributes, plain.dump());
  if (!base64.is_null()) entries.emplace_back(kAttributesBase64, base64.dump());
  std::string tensors = tensors_json(manifest, stored);
  if (!tensors.empty()) entries.emplace_back(kTensors, std::move(tensors));
  return entries;
}

Manifest apply_metadata(Manifest manifest, const MetadataEntries& entries, const Limits& limits) {
  Applier applier(manifest, limits);
  for (const auto& [key, value] : entries) applier.apply(key, value);
  return join_strings(std::move(manifest), limits);
}

}  // namespace tensorferry
