#include "util/npy_array.h"

#include <algorithm>
#include <vector>

#include "util/column_major.h"
#include "util/crc32.h"
#include "util/npy_dtype.h"
#include "util/npy_header.h"
#include "util/text.h"
#include "util/utf8.h"

namespace tensorferry {
namespace {

// Marks elements without a meaning until resolve().
const char* const kOpaque = "tensorferry.opaque";

constexpr std::uint64_t kStep = 1u << 20;

std::uint32_t crc_of_range(const File& file, std::uint64_t offset, std::uint64_t length) {
  std::uint32_t crc = 0;
  std::vector<std::byte> buffer(std::min(length, kStep));
  while (length > 0) {
    const auto part = std::span(buffer).first(std::min(length, kStep));
    file.read_at(offset, part);
    crc = crc32(crc, part);
    offset += part.size();
    length -= part.size();
  }
  return crc;
}

/// That of the elements, from that of header, elements and what is behind them.
std::uint32_t crc_of_elements(std::uint32_t whole, const std::string& header,
                              const FileRange& elements, std::uint64_t trailing) {
  const std::uint32_t front = crc32(0, std::as_bytes(std::span(header)));
  const std::uint32_t rest = crc32_of_rest(whole, front, elements.length + trailing);
  if (trailing == 0) return rest;
  const std::uint32_t back =
      crc_of_range(*elements.file, elements.offset + elements.length, trailing);
  return crc32_without_rest(rest, back, trailing);
}

/// More than one dimension that has more than one element.
bool order_matters(const Shape& shape) {
  return std::count_if(shape.begin(), shape.end(), [](std::uint64_t n) { return n != 1; }) > 1;
}

// --- Strings of a fixed width -----------------------------------------------------------------

struct TextArray {
  FileRange range;
  NpyType type;
  Shape shape;
  bool column_major;
  std::optional<std::uint32_t> crc32;
};

/// The row-major index of the element that lies at place `at` of a column-major array.
std::uint64_t row_major_index(std::uint64_t at, const Shape& shape) {
  std::uint64_t index = 0, stride = 1;
  std::vector<std::uint64_t> strides(shape.size());
  for (std::size_t d = shape.size(); d-- > 0; stride *= shape[d]) strides[d] = stride;
  for (std::size_t d = 0; d < shape.size(); at /= shape[d], ++d)
    index += at % shape[d] * strides[d];
  return index;
}

/// Code points of 32 bits as UTF-8, without the NULs at the end.
std::string utf8_of(std::string_view wide, bool big_endian, std::uint64_t element) {
  constexpr std::size_t kCharacter = 4;
  const auto code_at = [&](std::size_t at) {
    std::uint32_t code = 0;
    for (std::size_t k = 0; k < kCharacter; ++k)
      code =
          code << 8 | static_cast<unsigned char>(wide[at + (big_endian ? k : kCharacter - 1 - k)]);
    return code;
  };
  while (!wide.empty() && code_at(wide.size() - kCharacter) == 0) wide.remove_suffix(kCharacter);
  std::string text;
  for (std::size_t at = 0; at < wide.size(); at += kCharacter) {
    const std::uint32_t code = code_at(at);
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (surrogate || code > 0x10FFFF) {
      throw Error(surrogate ? ErrorCode::unsupported : ErrorCode::corrupt, "text",
                  "element " + std::to_string(element) + " holds the number " +
                      std::to_string(code) + ", which is not a character of Unicode");
    }
    append_code_point(text, code);
  }
  return text;
}

/// As numpy gives them: without the NULs at the end.
std::vector<std::string> load_texts(const TextArray& array) {
  const std::string bytes = array.range.file->read_string(array.range.offset, array.range.length);
  if (array.crc32 && crc32(0, std::as_bytes(std::span(bytes))) != *array.crc32) {
    throw Error(ErrorCode::corrupt, "checksum",
                "the CRC-32 of its elements is not what the archive says")
        .in_file(array.range.file->name());
  }
  std::vector<std::string> texts(element_count(array.shape));
  for (std::uint64_t i = 0; i < texts.size(); ++i) {
    const std::string_view padded =
        std::string_view(bytes).substr(i * array.type.width, array.type.width);
    std::string& text = texts[array.column_major ? row_major_index(i, array.shape) : i];
    if (array.type.kind == NpyType::Kind::wide_text) {
      text = utf8_of(padded, array.type.big_endian, i);
    } else {
      const std::size_t last = padded.find_last_not_of('\0');
      text = padded.substr(0, last == std::string_view::npos ? 0 : last + 1);
    }
  }
  return texts;
}

}  // namespace

Tensor NpyArrays::describe(std::string name, const FileRange& range,
                           std::optional<std::uint32_t> crc32) {
  Tensor tensor;
  tensor.name = std::move(name);
  used_ = range.length;
  try {
    fill(tensor, range, crc32);
  } catch (const Error& error) {
    tensor.stored = {};
    tensor.problem = error;
  }
  return tensor;
}

void NpyArrays::fill(Tensor& tensor, const FileRange& range, std::optional<std::uint32_t> crc32) {
  NpyHeader header = read_npy_header(*range.file, range.offset, range.length);
  tensor.shape = header.shape;
  if (header.shape.size() > npy_max_rank) {
    throw Error(ErrorCode::unsupported, "rank",
                std::to_string(header.shape.size()) + " dimensions; numpy has at most " +
                    std::to_string(npy_max_rank));
  }
  if (header.record) {
    throw Error(ErrorCode::unsupported, "dtype", "its elements are records, which are not read");
  }
  const NpyType type = parse_npy_descr(header.descr);
  if (type.kind == NpyType::Kind::opaque) {
    if (type.width != 1 && type.width != 2) {
      throw Error(ErrorCode::unsupported, "dtype",
                  "its elements are '" + printable(header.descr, 40) +
                      "': bytes of which numpy knows nothing");
    }
    tensor.dtype = type.width == 1 ? DType::uint8 : DType::uint16;
    tensor.attributes[kOpaque] = true;
  } else {
    tensor.dtype = type.dtype;
  }
  const std::uint64_t elements = element_count(header.shape);
  const std::uint64_t bytes = checked_multiply(elements, type.width);
  const std::uint64_t there = range.length - header.bytes.size();
  FileRange data{range.file, checked_add(range.offset, header.bytes.size()), bytes};
  if (bytes > there) {
    throw Error(ErrorCode::corrupt, "truncated",
                to_string(header.shape) + " of '" + printable(header.descr, 40) + "' needs bytes " +
                    std::to_string(header.bytes.size()) + ".." +
                    std::to_string(checked_add(header.bytes.size(), bytes)) + ", there are " +
                    std::to_string(range.length));
  }
  used_ = header.bytes.size() + bytes;
  trailing_ += bytes < there;
  repeated_ += header.key_twice;
  std::optional<std::uint32_t> crc;
  if (crc32) crc = crc_of_elements(*crc32, header.bytes, data, there - bytes);
  const bool strided = header.column_major && order_matters(header.shape);
  Piece piece;
  if (tensor.dtype == DType::string) {
    StringSource strings;
    strings.bytes = checked_add(bytes, checked_multiply(elements, sizeof(std::string)));
    strings.checked_by = crc ? "crc32" : range.file->checked_by();
    strings.load = [array = TextArray{std::move(data), type, header.shape, strided, crc}] {
      return load_texts(array);
    };
    piece.origin = std::move(strings);
  } else {
    tensor.stored.order = type.big_endian ? std::endian::big : std::endian::little;
    if (strided) piece.byte_strides = column_major_strides(header.shape, type.width);
    if (crc) piece.checksum = Checksum{Checksum::Kind::crc32, crc_bytes(*crc)};
    piece.origin = std::move(data);
  }
  tensor.stored.pieces.push_back(std::move(piece));
}

void NpyArrays::resolve(Manifest& manifest) {
  std::vector<std::string> assumed;
  for (Tensor& tensor : manifest.tensors) {
    if (tensor.attributes.erase(kOpaque) == 0 || tensor.problem) continue;
    const bool one = tensor.dtype == DType::uint8, two = tensor.dtype == DType::uint16;
    if (!one && !two) continue;
    if (opaque_ && info(*opaque_).bytes == info(tensor.dtype).bytes) {
      tensor.dtype = *opaque_;
    } else if (two) {
      tensor.dtype = DType::bfloat16;
      assumed.push_back(tensor.name);
    } else {
      tensor.problem = Error(ErrorCode::unsupported, "dtype",
                             "its elements are '|V1', one byte of which numpy knows nothing; "
                             "--in-opt dtype=... says what "
                             "they are, such as float8_e4m3fn");
      tensor.stored = {};
    }
  }
  if (!assumed.empty()) {
    manifest.notes.push_back(
        {"npy.bfloat16",
         "two bytes of which numpy knows nothing are taken as bfloat16 (--in-opt "
         "dtype=... says otherwise): " +
             join_names(assumed, 5)});
  }
  if (trailing_ > 0) {
    manifest.notes.push_back(
        {"npy.trailing", std::to_string(trailing_) +
                             (trailing_ == 1 ? " array has" : " arrays have") +
                             " bytes behind the elements, which are ignored as numpy does"});
  }
  if (repeated_ > 0) {
    manifest.notes.push_back(
        {"npy.key_twice", std::to_string(repeated_) +
                              (repeated_ == 1 ? " header names" : " headers name") +
                              " a key twice; the last counts, as for numpy"});
  }
}

}  // namespace tensorferry
