#include "raw_wire.h"

#include "tensorferry/error.h"

namespace tensorferry {
namespace {

[[noreturn]] void fail(std::uint64_t element, std::uint64_t count, const std::string& message) {
  throw Error(
      ErrorCode::corrupt, "strings",
      "string " + std::to_string(element) + " of " + std::to_string(count) + ": " + message);
}

}  // namespace

std::string encode_raw_strings(const std::vector<std::string>& strings) {
  std::size_t total = 0;
  for (const std::string& text : strings) total += raw_string_header + text.size();
  std::string bytes;
  bytes.reserve(total);
  for (const std::string& text : strings) {
    for (int shift = 0; shift < 64; shift += 8) {
      bytes += static_cast<char>(std::uint64_t{text.size()} >> shift & 255);
    }
    bytes += text;
  }
  return bytes;
}

std::vector<std::string> decode_raw_strings(std::string_view bytes, std::uint64_t count) {
  if (count > bytes.size() / raw_string_header) {
    throw Error(ErrorCode::corrupt, "strings",
                std::to_string(count) + " strings do not fit in " + std::to_string(bytes.size()) +
                    " bytes");
  }
  std::vector<std::string> strings;
  strings.reserve(count);
  for (std::uint64_t element = 0; element < count; ++element) {
    if (bytes.size() < raw_string_header) fail(element, count, "the bytes end inside its length");
    std::uint64_t length = 0;
    for (std::size_t i = raw_string_header; i-- > 0;)
      length = length << 8 | static_cast<unsigned char>(bytes[i]);
    bytes.remove_prefix(raw_string_header);
    if (length > bytes.size()) {
      fail(element, count,
           "its length is " + std::to_string(length) + ", " + std::to_string(bytes.size()) +
               " bytes are left");
    }
    strings.emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  if (!bytes.empty()) {
    throw Error(ErrorCode::corrupt, "strings",
                std::to_string(bytes.size()) + " bytes are left behind the last of " +
                    std::to_string(count) + " strings");
  }
  return strings;
}

}  // namespace tensorferry
