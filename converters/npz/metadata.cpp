#include "metadata.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "npz.h"
#include "npz_wire.h"
#include "util/json.h"
#include "util/name_index.h"
#include "util/text.h"

namespace tensorferry::npz {
namespace {

constexpr std::string_view kOurs = "tensorferry.";

bool is_plain(unsigned char c) { return c != '\0' && c != '\\' && c < 0x80; }
bool nothing(unsigned char) { return false; }

std::string escape(std::string_view name) {
  std::string escaped = percent_encode(name, is_plain);
  if (escaped.ends_with(npz_extension)) {
    const std::size_t dot = escaped.size() - npz_extension.size();
    escaped.replace(dot, 1, percent_encode(".", nothing));
  }
  return escaped;
}

}  // namespace

std::string metadata_text(const MetadataEntries& entries) {
  std::string text;
  for (const auto& [key, value] : entries) {
    text += text.empty() ? "{" : ",";
    append_json_string(text, key);
    text += ':';
    if (key.starts_with(kOurs)) {
      text += value;
    } else {
      append_json_string(text, value);
    }
  }
  return text.empty() ? text : text + "}";
}

MetadataEntries metadata_from_text(std::string_view text, const Limits& limits) {
  MetadataEntries entries;
  Json object;
  try {
    object = parse_json(text, static_cast<std::size_t>(limits.json_depth));
  } catch (const Error&) {
    return entries;
  }
  if (!object.is_object()) return entries;
  for (const auto& [key, value] : object.items()) {
    if (key.starts_with(kOurs)) {
      entries.emplace_back(key, value.dump());
    } else if (value.is_string()) {
      entries.emplace_back(key, value.get<std::string>());
    }
  }
  return entries;
}

Names::Names(const Manifest& manifest) : manifest_(manifest) {
  std::optional<NameIndex> index;  // most archives do without
  const auto taken = [&](std::string_view name) {
    if (!index) index.emplace(manifest.tensors);
    return index->contains(name);
  };
  std::vector<std::string> refused;
  for (std::size_t i = 0; i < manifest.tensors.size(); ++i) {
    const std::string& name = manifest.tensors[i].name;
    bool escaped = !is_utf8(name) || name.find('\0') != std::string::npos ||
                   name.find('\\') != std::string::npos;
    if (name.ends_with(npz_extension)) {
      // numpy would take the key for the name of the other one's member.
      escaped |= taken(std::string_view(name).substr(0, name.size() - npz_extension.size()));
    }
    if (escaped) escaped_.emplace(i, escape(name));
    const std::string& stored = escaped ? escaped_.at(i) : name;
    if (stored.size() > max_name - npz_extension.size() || (escaped && taken(stored)))
      refused.push_back(name);
  }
  if (refused.empty()) return;
  throw Error(ErrorCode::unsupported, "names",
              "a zip archive cannot hold these names, they are too long or meet another tensor's "
              "when they are escaped: " +
                  join_names(refused));
}

const std::string& Names::of(std::size_t tensor) const {
  const auto found = escaped_.find(tensor);
  return found == escaped_.end() ? manifest_.tensors[tensor].name : found->second;
}

bool Names::contains(std::string_view name) const {
  for (std::size_t i = 0; i < size(); ++i) {
    if (of(i) == name) return true;
  }
  return false;
}

}  // namespace tensorferry::npz
