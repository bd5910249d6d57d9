#include "core/sniff.h"

#include <algorithm>
#include <bit>
#include <span>

#include "util/crc32c.h"
#include "util/utf8.h"
#include "util/wire.h"

namespace tensorferry {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::size_t offset;
  std::string_view bytes;
  std::string_view description;
};

// In this order: the first that matches speaks.
constexpr Signature kSignatures[] = {
    {0, "version https://git-lfs.github.com/spec/"sv,
     "a Git LFS pointer: the real file was not downloaded (git lfs pull)"},
    {0, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv,
     "a PyTorch file of the time before 1.6 (pickle)"},
    {0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file"},
    {0, "\x93NUMPY"sv, "a NumPy array file (.npy)"},
    {0, "GGUF"sv, "a GGUF file"},
    {0, "ggml"sv, "an old GGML file"},
    {0, "ggjt"sv, "an old GGML file"},
    {4, "TFL3"sv, "a TensorFlow Lite model"},
    {0, "PK\x05\x06"sv, "an empty zip archive"},
    {0, "\x1f\x8b"sv, "gzip data: decompress it first"},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     "xz data: decompress it first"},
    {0, "BZh"sv, "bzip2 data: decompress it first"},
    {0, "\x28\xb5\x2f\xfd"sv, "zstd data: decompress it first"},
    {0, "7z\xbc\xaf\x27\x1c"sv, "a 7-zip archive: extract it first"},
    {257, "ustar"sv, "a tar archive: extract it first"},
    {0,
     "\x7f"
     "ELF"sv,
     "a program"},
    {0, "%PDF-"sv, "a PDF document"},
    {0, "version https://"sv, "a pointer file: the real one was not downloaded"},
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string_view describe_zip(std::string_view prefix) {
  if (contains(prefix, "/data.pkl"sv)) return "a zip archive written by PyTorch";
  if (contains(prefix, "model.weights.h5"sv)) return "a Keras model (.keras, a zip archive)";
  if (contains(prefix, ".npy"sv)) return "a zip archive of NumPy arrays (.npz)";
  return "a zip archive: extract it first";
}

bool is_pickle(std::string_view prefix) {
  return prefix.size() > 2 && prefix[0] == '\x80' && prefix[1] >= 2 && prefix[1] <= 5;
}

std::uint64_t little(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// An unsigned 64-bit length, then that many bytes of JSON.
bool is_safetensors(const Probe& probe) {
  if (probe.prefix.size() < 10 || probe.prefix[8] != '{') return false;
  const std::uint64_t length = little(probe.prefix.substr(0, 8));
  return length >= 2 && length <= probe.size - 8;
}

// An unsigned 64-bit length, then the masked CRC32C of those eight bytes.
bool is_record_file(const Probe& probe) {
  if (probe.prefix.size() < 16) return false;
  const std::uint32_t crc =
      crc32c(0, std::as_bytes(std::span(probe.prefix.data(), std::size_t{8})));
  return std::rotr(crc, 15) + 0xa282ead8u == little(probe.prefix.substr(8, 4));
}

// Several fields, one behind the other, without a byte between them that is none.
bool is_protobuf(const Probe& probe) {
  constexpr std::uint32_t kHighestNumber = 1000;  // schemas rarely go beyond
  std::size_t position = 0;
  for (int fields = 0; position < probe.prefix.size(); ++fields) {
    const std::size_t begin = position;
    const auto field = wire::next_field(probe.prefix, position);
    // A header that the end of the prefix cuts says nothing; the longest one has 15 bytes.
    if (!field) return fields > 3 && probe.prefix.size() - begin < 15 && probe.size > begin + 15;
    if (field->number > kHighestNumber) return false;
    if (field->type == wire::Type::varint) continue;
    if (field->value > probe.size - position) return false;
    if (field->value > probe.prefix.size() - position) return fields > 0;
    position += static_cast<std::size_t>(field->value);
  }
  return true;
}

// Whether the prefix cuts a character here.
bool is_cut(std::string_view tail) {
  if (tail.empty() || tail.size() > 3 || tail[0] < '\xC2' || tail[0] > '\xF4') return false;
  return std::all_of(tail.begin() + 1, tail.end(),
                     [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; });
}

bool is_text(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char c = decode_utf8(text);
    if (c.length == 0) return is_cut(text);
    if (c.value < 0x20 && c.value != '\t' && c.value != '\n' && c.value != '\r') return false;
    text.remove_prefix(c.length);
  }
  return true;
}

bool starts_with_ignoring_case(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), text.begin(), [](char expected, char c) {
           return expected == (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
         });
}

std::string_view describe_text(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "blank text";
  text.remove_prefix(first);
  if (starts_with_ignoring_case(text, "<!doctype html") ||
      starts_with_ignoring_case(text, "<html")) {
    return "a web page: the download gave a page instead of the file";
  }
  if (text.starts_with("node {") || text.starts_with("saved_model_schema_version:")) {
    return "a TensorFlow graph as text: save it in binary form (.pb)";
  }
  if (text[0] == '{' || text[0] == '[') return "JSON";
  if (text[0] == '<') return "XML";
  return "text";
}

bool all_zero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

}  // namespace

std::string_view describe_content(const Probe& probe) {
  if (probe.prefix.empty()) return "an empty file";
  for (const Signature& signature : kSignatures) {
    if (probe.prefix.size() >= signature.offset + signature.bytes.size() &&
        probe.prefix.substr(signature.offset, signature.bytes.size()) == signature.bytes) {
      return signature.description;
    }
  }
  if (probe.prefix.substr(0, 4) == "PK\x03\x04"sv) return describe_zip(probe.prefix);
  if (all_zero(probe.prefix) && all_zero(probe.suffix))
    return "zeros only: was it copied or downloaded completely?";
  if (is_safetensors(probe)) return "a safetensors file";
  if (is_record_file(probe)) return "a TFRecord file: training data or a log, not a model";
  if (is_pickle(probe.prefix)) return "a Python pickle";
  if (is_text(probe.prefix)) return describe_text(probe.prefix);
  constexpr std::string_view kTableMagic = "\x57\xfb\x80\x8b\x24\x75\x47\xdb"sv;
  if (probe.suffix.size() >= 8 && probe.suffix.substr(probe.suffix.size() - 8) == kTableMagic) {
    return "a LevelDB table, as the index of a TensorFlow checkpoint is";
  }
  if (is_protobuf(probe)) return "a Protocol Buffers message, of a kind that is not known";
  return {};
}

}  // namespace tensorferry
