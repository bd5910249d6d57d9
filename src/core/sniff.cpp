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
  bool readable = false;  // of a format that is read here
};

// In this order: the first that matches speaks.
constexpr Signature kSignatures[] = {
    {0, "version https://git-lfs.github.com/spec/"sv,
     "a Git LFS pointer: the real file was not downloaded (git lfs pull)"},
    {0, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv,
     "a PyTorch file of the time before 1.6 (pickle)"},
    {0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file", true},
    {0, "\x93NUMPY"sv, "a NumPy array file (.npy)", true},
    {0, "GGUF"sv, "a GGUF file"},
    // Their magic numbers are words of 32 bits, which most machines write from the low end.
    {0, "ggml"sv, "an old GGML file"},
    {0, "ggjt"sv, "an old GGML file"},
    {0, "lmgg"sv, "an old GGML file"},
    {0, "fmgg"sv, "an old GGML file"},
    {0, "tjgg"sv, "an old GGML file"},
    // FlatBuffers: the kind of file stands behind the offset of the root.
    {4, "TFL3"sv, "a TensorFlow Lite model (FlatBuffers)"},
    {4, "ORTM"sv, "an ONNX Runtime model (.ort, FlatBuffers): convert the .onnx it was made from"},
    {4, "MSL0"sv, "a MindSpore Lite model (FlatBuffers)"},
    {4, "MSL1"sv, "a MindSpore Lite model (FlatBuffers)"},
    {4, "MSL2"sv, "a MindSpore Lite model (FlatBuffers)"},
    {4, "ET12"sv, "an ExecuTorch program (FlatBuffers)"},
    {0, "PAR1"sv, "a Parquet file: a table of data"},
    {0, "ARROW1"sv, "an Arrow file: a table of data"},
    {0, "MATLAB 5.0 MAT-file"sv, "a MATLAB file of the time before version 7.3"},
    {0, "CDF\x01"sv, "a NetCDF 3 file"},
    {0, "CDF\x02"sv, "a NetCDF 3 file"},
    {0, "PK\x05\x06"sv, "an empty zip archive", true},
    {0, "\x1f\x8b"sv, "gzip data: decompress it first"},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     "xz data: decompress it first"},
    {0, "BZh"sv, "bzip2 data: decompress it first"},
    {0, "\x28\xb5\x2f\xfd"sv, "zstd data: decompress it first"},
    {0, "\x04\x22\x4d\x18"sv, "lz4 data: decompress it first"},
    {0, "Rar!\x1a\x07"sv, "a RAR archive: extract it first"},
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

Content describe_zip(std::string_view prefix) {
  if (contains(prefix, "/data.pkl"sv)) return {"a zip archive written by PyTorch", true};
  if (contains(prefix, "model.weights.h5"sv)) return {"a Keras model (.keras, a zip archive)"};
  if (contains(prefix, ".npy"sv)) return {"a zip archive of NumPy arrays (.npz)"};
  return {"a zip archive: extract it first", true};
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

// The first field of the message at `position` when it has that number and holds bytes; what of
// them the text has.
std::string_view bytes_field(std::string_view text, std::size_t& position, std::uint32_t number) {
  const auto field = wire::next_field(text, position);
  if (!field || field->number != number || field->type != wire::Type::bytes) return {};
  const std::string_view bytes = text.substr(position, field->value);
  position += bytes.size();
  return bytes;
}

// Values, each a name and a tensor: dimensions, the word for the element type, the elements.
bool is_mindspore_checkpoint(std::string_view text) {
  constexpr std::string_view kTypes[] = {"Float", "BFloat", "Int", "UInt", "Bool", "str", "Tensor"};
  std::size_t at = 0;
  const std::string_view value = bytes_field(text, at, 1);
  at = 0;
  if (bytes_field(value, at, 1).empty()) return false;
  const std::string_view tensor = bytes_field(value, at, 2);
  for (at = 0; at < tensor.size();) {
    const auto field = wire::next_field(tensor, at);
    if (!field) return false;
    if (field->number == 1 && field->type == wire::Type::varint) continue;
    if (field->number == 1 && field->type == wire::Type::bytes &&
        field->value <= tensor.size() - at) {
      at += static_cast<std::size_t>(field->value);
      continue;
    }
    const std::string_view type = tensor.substr(at, field->value);
    return field->number == 2 && field->type == wire::Type::bytes &&
           std::any_of(std::begin(kTypes), std::end(kTypes),
                       [&](std::string_view word) { return type.starts_with(word); });
  }
  return false;
}

std::string_view describe_protobuf(std::string_view prefix) {
  if (is_mindspore_checkpoint(prefix)) return "a MindSpore checkpoint";
  if (contains(prefix, "_tf_keras_"sv))
    return "keras_metadata.pb, which describes the layers of a SavedModel; the weights are in its "
           "folder: name that";
  return "a Protocol Buffers message, of a kind that is not known";
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

// The text syntax of ONNX, protobuf's text form of it, and its JSON form.
bool is_onnx_text(std::string_view text) {
  if (text[0] == '<' || text[0] == '{') {
    const std::size_t word = text.find_first_not_of(" \t\r\n\"", 1);
    if (word == std::string_view::npos) return false;
    text.remove_prefix(word);
  }
  constexpr std::string_view kFirstWords[] = {"ir_version:", "irVersion\"", "opset_import:"};
  return std::any_of(std::begin(kFirstWords), std::end(kFirstWords),
                     [&](std::string_view word) { return text.starts_with(word); });
}

Content describe_text(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {"blank text"};
  text.remove_prefix(first);
  if (starts_with_ignoring_case(text, "<!doctype html") ||
      starts_with_ignoring_case(text, "<html")) {
    return {"a web page: the download gave a page instead of the file", true};
  }
  if (text.starts_with("node {") || text.starts_with("saved_model_schema_version:")) {
    return {"a TensorFlow graph as text: save it in binary form (.pb)"};
  }
  if (is_onnx_text(text)) return {"an ONNX model as text: save it in binary form (.onnx)"};
  if (text[0] == '{' || text[0] == '[') return {"JSON"};
  if (text.starts_with("<net ") || contains(text, "\n<net ")) return {"an OpenVINO model (XML)"};
  if (text[0] == '<') return {"XML"};
  return {"text"};
}

bool all_zero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

}  // namespace

Content describe_content(const Probe& probe) {
  if (probe.prefix.empty()) return {"an empty file"};
  for (const Signature& signature : kSignatures) {
    if (probe.prefix.size() >= signature.offset + signature.bytes.size() &&
        probe.prefix.substr(signature.offset, signature.bytes.size()) == signature.bytes) {
      return {signature.description, !signature.readable};
    }
  }
  if (probe.prefix.substr(0, 4) == "PK\x03\x04"sv) return describe_zip(probe.prefix);
  if (all_zero(probe.prefix) && all_zero(probe.suffix))
    return {"zeros only: was it copied or downloaded completely?"};
  if (is_safetensors(probe)) return {"a safetensors file"};
  if (is_record_file(probe)) return {"a TFRecord file: training data or a log, not a model"};
  if (is_pickle(probe.prefix)) return {"a Python pickle", true};
  if (is_text(probe.prefix)) return describe_text(probe.prefix);
  constexpr std::string_view kTableMagic = "\x57\xfb\x80\x8b\x24\x75\x47\xdb"sv;
  if (probe.suffix.size() >= 8 && probe.suffix.substr(probe.suffix.size() - 8) == kTableMagic) {
    return {"a LevelDB table, as the index of a TensorFlow checkpoint is"};
  }
  if (is_protobuf(probe)) return {describe_protobuf(probe.prefix)};
  return {};
}

}  // namespace tensorferry
