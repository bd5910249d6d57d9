#include "tensor_fields.h"

#include "util/wire.h"

namespace tensorferry::onnx {
namespace {

constexpr std::uint32_t kStringData = 6, kRawData = 9, kExternalData = 13;
constexpr std::uint32_t kKey = 1, kValue = 2;  // of an entry
constexpr std::string_view kIsExternal = "\x70\x01";

void append_entry(std::string& bytes, std::string_view key, std::string_view value) {
  std::string entry;
  wire::append_bytes_field(entry, kKey, key);
  wire::append_bytes_field(entry, kValue, value);
  wire::append_bytes_field(bytes, kExternalData, entry);
}

}  // namespace

std::string raw_data_header(std::uint64_t bytes) {
  std::string header;
  if (bytes > 0) wire::append_bytes_header(header, kRawData, bytes);
  return header;
}

std::string external_data_fields(const ExternalData& data) {
  std::string bytes;
  append_entry(bytes, "location", data.location);
  append_entry(bytes, "offset", std::to_string(data.offset));
  append_entry(bytes, "length", std::to_string(data.length));
  return bytes += kIsExternal;
}

std::uint64_t string_data_size(const std::vector<std::string>& elements) {
  std::uint64_t bytes = 0;
  for (const std::string& element : elements) bytes += wire::bytes_field_size(kStringData, element);
  return bytes;
}

void append_string_data(std::string& bytes, const std::vector<std::string>& elements) {
  for (const std::string& element : elements) wire::append_bytes_field(bytes, kStringData, element);
}

}  // namespace tensorferry::onnx
