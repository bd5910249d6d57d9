#include "util/manifest_json.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "util/json.h"
#include "util/json_attributes.h"
#include "util/text.h"

namespace tensorferry {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::string_view kNoCrc = "00000000";
constexpr std::string_view kBlanks = " \t\r\n";

[[noreturn]] void fail(std::string message) {
  throw Error(ErrorCode::corrupt, "manifest", std::move(message));
}

std::string in_quotes(std::string_view text) { return '"' + printable(text) + '"'; }

std::string shown(const Json& value) {
  return value.is_structured() ? std::string("an ") + value.type_name() : printable(value.dump());
}

const Json* find(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

const std::string& text_of(const Json& value, std::string_view key) {
  if (!value.is_string()) fail(in_quotes(key) + " must be a string, found " + shown(value));
  return value.get_ref<const std::string&>();
}

std::uint64_t size_of(const Json& value, std::string_view key) {
  // Only plain digits are unsigned here: 1.0, 1e3, 2^64 come as floating point, -0 as a signed
  // number.
  if (!value.is_number_unsigned()) {
    fail(in_quotes(key) + " must be a non-negative whole number below 2^64, found " + shown(value));
  }
  return value.get<std::uint64_t>();
}

void refuse_unknown_keys(const Json& object, const std::vector<std::string>& known) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::vector<std::string> close = nearest(key, known);
    fail("unknown key " + in_quotes(key) +
         (close.empty() ? "; known are " + join_names(known)
                        : "; did you mean " + in_quotes(close.front()) + "?"));
  }
}

std::string name_of(const Json& object) {
  const Json* plain = find(object, "name");
  const Json* encoded = find(object, "name_base64");
  if (plain != nullptr && encoded != nullptr) fail("has both \"name\" and \"name_base64\"");
  if (plain != nullptr) return text_of(*plain, "name");
  if (encoded != nullptr) return base64_from_json(*encoded, "name_base64");
  fail("\"name\" is missing");
}

Shape shape_of(const Json& object) {
  const Json* given = find(object, "shape");
  if (given == nullptr)
    fail("\"shape\" is missing: bytes alone cannot be interpreted, refusing to guess");
  if (!given->is_array()) fail("\"shape\" must be an array of extents, found " + shown(*given));
  Shape shape;
  for (const Json& extent : *given) shape.push_back(size_of(extent, "shape"));
  return shape;
}

/// True for `second`, false for `first`.
bool choice_of(const Json& value, std::string_view key, std::string_view first,
               std::string_view second) {
  const std::string& text = text_of(value, key);
  if (text != first && text != second) {
    fail(in_quotes(key) + " must be " + in_quotes(first) + " or " + in_quotes(second) + ", found " +
         in_quotes(text));
  }
  return text == second;
}

void read_dtype(const Json& object, ManifestEntry& entry) {
  const Json* given = find(object, "dtype");
  if (given == nullptr)
    fail("\"dtype\" is missing: bytes alone cannot be interpreted, refusing to guess");
  const ParsedDType parsed = parse_dtype(text_of(*given, "dtype"));
  entry.dtype = parsed.dtype;
  if (entry.dtype != DType::string && !is_fixed_size(entry.dtype)) {
    throw Error(ErrorCode::unsupported, "dtype",
                std::string(to_string(entry.dtype)) + " has no form in files of plain bytes");
  }
  entry.big_endian = parsed.big_endian.value_or(false);
  if (const Json* order = find(object, "byte_order")) {
    entry.big_endian = choice_of(*order, "byte_order", "little", "big");
    if (parsed.big_endian.has_value() && *parsed.big_endian != entry.big_endian) {
      fail("\"dtype\" " + shown(*given) + " and \"byte_order\" " + shown(*order) +
           " contradict each other");
    }
  }
}

std::string file_of(const Json& object) {
  const Json* given = find(object, "file");
  if (given == nullptr) fail("\"file\" is missing");
  const std::string& file = text_of(*given, "file");
  if (file.empty() || file == "." || file == ".." ||
      file.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos) {
    throw Error(ErrorCode::unsafe, "path",
                "\"file\" must be the plain name of a file in the manifest's folder, found " +
                    in_quotes(file));
  }
  return file;
}

std::string checksum_of(const Json& object, const char* key, std::size_t digits) {
  const Json* given = find(object, key);
  if (given == nullptr) return {};
  std::string text = text_of(*given, key);
  for (char& c : text) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  if (text.size() != digits || text.find_first_not_of("0123456789abcdef") != std::string::npos) {
    fail(in_quotes(key) + " must be " + std::to_string(digits) + " hexadecimal digits, found " +
         shown(*given));
  }
  return text;
}

void read_fields(const Json& object, ManifestEntry& entry) {
  static const std::vector<std::string> known = {
      "name",       "name_base64", "dtype",  "shape",  "file",       "offset",           "length",
      "byte_order", "order",       "sha256", "crc32c", "attributes", "attributes_base64"};
  refuse_unknown_keys(object, known);
  read_dtype(object, entry);
  entry.shape = shape_of(object);
  entry.file = file_of(object);
  if (const Json* offset = find(object, "offset")) entry.offset = size_of(*offset, "offset");
  if (const Json* length = find(object, "length")) entry.length = size_of(*length, "length");
  if (const Json* order = find(object, "order")) {
    entry.column_major = choice_of(*order, "order", "row-major", "column-major");
  }
  entry.sha256 = checksum_of(object, "sha256", 64);
  entry.crc32c = checksum_of(object, "crc32c", 8);
  entry.attributes = attributes_from_json(object);
  if (entry.dtype != DType::string) return;
  if (!entry.length) fail("\"length\" is missing: strings do not tell it by their shape");
  if (entry.big_endian || entry.column_major) {
    fail("strings are row-major and their lengths little-endian");
  }
}

ManifestEntry entry_of(const Json& object, std::size_t index) {
  ManifestEntry entry;
  bool named = false;
  try {
    if (!object.is_object()) fail("must be an object, found " + shown(object));
    entry.name = name_of(object);
    named = true;
    read_fields(object, entry);
    return entry;
  } catch (const Error& error) {
    const Error placed(error.code(), error.detail(),
                       "entry " + std::to_string(index) + ": " + error.message());
    throw named ? placed.in_tensor(entry.name) : placed;
  }
}

void check_version(const Json& document) {
  const Json* version = find(document, "tensorferry");
  if (version == nullptr) fail("no key \"tensorferry\": this is not a manifest of this program");
  if (!version->is_number_unsigned())
    fail("\"tensorferry\" must be the number 1, found " + shown(*version));
  if (version->get<std::uint64_t>() != kVersion) {
    throw Error(ErrorCode::unsupported, "manifest_version",
                "this is version " + shown(*version) + " of the manifest, version 1 is known");
  }
}

void append_members(std::string& out, const Json& object) {
  const char* separator = "";
  out += '{';
  for (const auto& [key, value] : object.items()) {
    out += separator;
    append_json_string(out, key);
    out += ": " + value.dump();
    separator = ", ";
  }
  out += '}';
}

void append_attributes(std::string& out, const Attributes& attributes) {
  Json plain, base64;
  attributes_to_json(attributes, "a manifest", plain, base64);
  out += "\"attributes\": ";
  append_members(out, plain);
  if (base64.is_null()) return;
  out += ", \"attributes_base64\": ";
  append_members(out, base64);
}

}  // namespace

bool looks_like_manifest(std::string_view text) {
  std::size_t depth = 0;
  for (std::size_t at = text.find_first_not_of(kBlanks); at < text.size(); ++at) {
    const char c = text[at];
    if (depth == 0 && c != '{') return false;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return false;
    if (c != '"') continue;
    const std::size_t start = at + 1;
    for (at = start; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\') ++at;
    }
    if (at >= text.size()) return false;
    const std::size_t behind = text.find_first_not_of(kBlanks, at + 1);
    if (depth == 1 && text.substr(start, at - start) == "tensorferry" && behind < text.size() &&
        text[behind] == ':') {
      return true;
    }
  }
  return false;
}

ManifestDocument parse_manifest(std::string_view text, const Limits& limits) {
  const Json parsed = parse_json(text, static_cast<std::size_t>(limits.json_depth));
  if (!parsed.is_object()) fail("must be a JSON object, found " + shown(parsed));
  check_version(parsed);
  refuse_unknown_keys(parsed, {"tensorferry", "attributes", "attributes_base64", "tensors"});
  ManifestDocument document;
  document.attributes = attributes_from_json(parsed);
  const Json* tensors = find(parsed, "tensors");
  if (tensors == nullptr || !tensors->is_array()) fail("\"tensors\" must be an array");
  if (tensors->size() > limits.tensors) {
    throw Error(ErrorCode::unsafe, "limit",
                "the manifest lists " + std::to_string(tensors->size()) +
                    " tensors, the limit is " + std::to_string(limits.tensors));
  }
  document.tensors.reserve(tensors->size());
  for (const Json& object : *tensors)
    document.tensors.push_back(entry_of(object, document.tensors.size()));
  return document;
}

ManifestText::ManifestText(const Manifest& manifest) {
  constexpr std::size_t kEntryBytes = 184;  // about, without the names of tensor and file
  std::size_t expected = kEntryBytes;
  for (const Tensor& tensor : manifest.tensors) expected += kEntryBytes + 2 * tensor.name.size();
  text_.reserve(expected);
  text_ += "{\"tensorferry\": " + std::to_string(kVersion) + ", ";
  append_attributes(text_, manifest.attributes);
  text_ += ",\n \"tensors\": [";
}

void ManifestText::add(const Tensor& tensor, std::string_view file, const Slot& slot,
                       std::string_view crc32c) {
  text_ += entries_ == 0 ? "\n  " : ",\n  ";
  const bool plain = is_utf8(tensor.name);
  text_ += plain ? "{\"name\": " : "{\"name_base64\": ";
  if (plain) {
    append_json_string(text_, tensor.name);
  } else {
    append_json_string(text_, base64_encode(tensor.name));
  }
  append(text_, {", \"dtype\": \"", to_string(tensor.dtype), "\", \"shape\": ["});
  append_extents(text_, tensor.shape, ", ");
  text_ += "], \"file\": ";
  append_json_string(text_, file);
  append(text_, {", \"offset\": ", Decimal(slot.offset), ", \"length\": ", Decimal(slot.length),
                 ", \"byte_order\": \"little\", \"order\": \"row-major\", \"crc32c\": \""});
  if (crc32c.empty()) pending_.push_back({entries_, text_.size()});
  text_ += crc32c.empty() ? kNoCrc : crc32c;
  text_ += '"';
  if (!tensor.attributes.empty()) {
    text_ += ", ";
    append_attributes(text_, tensor.attributes);
  }
  text_ += '}';
  ++entries_;
}

void ManifestText::add_to(Layout& layout) && {
  if (entries_ != layout.slots.size()) {
    throw Error(ErrorCode::internal, "manifest",
                "the manifest does not describe the slots of the layout");
  }
  text_ += "]}\n";
  const std::size_t file = layout.files.size();
  layout.files.push_back({std::string(manifest_file_name), text_.size()});
  layout.finish = [text_segment = layout.segments.size(), pending = std::move(pending_)](
                      std::span<const std::uint32_t> crcs, std::span<Segment> segments) {
    char* const text = segments[text_segment].bytes.data();
    for (const Pending& one : pending)
      crc32c_to_hex(crcs[one.slot]).copy(text + one.place, kNoCrc.size());
  };
  layout.segments.push_back({file, 0, std::move(text_), true});
}

std::string crc32c_to_hex(std::uint32_t crc) {
  std::string digits;
  for (int shift = 28; shift >= 0; shift -= 4) digits += "0123456789abcdef"[(crc >> shift) & 15];
  return digits;
}

}  // namespace tensorferry
