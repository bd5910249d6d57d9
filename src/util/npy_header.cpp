#include "util/npy_header.h"

#include <algorithm>

#include "tensorferry/error.h"
#include "util/python_literal.h"
#include "util/text.h"

namespace tensorferry {
namespace {

constexpr std::size_t kPrefix = 10;        // magic, version, length
constexpr std::size_t kAlignment = 64;     // ARRAY_ALIGN
constexpr std::size_t kGrowthDigits = 21;  // GROWTH_AXIS_MAX_DIGITS: of 8 * 2^64

using Kind = PythonValue::Kind;

[[noreturn]] void corrupt(const std::string& why) {
  throw Error(ErrorCode::corrupt, "npy_header", "the .npy header " + why);
}

std::uint64_t little(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

std::uint64_t extent_of(const PythonValue& value) {
  if (value.kind != Kind::integer) corrupt("has an extent that is no whole number");
  if (value.too_large) corrupt("has an extent beyond 64 bits");
  if (value.negative && value.integer != 0) corrupt("has a negative extent");
  return value.integer;
}

void set_field(NpyHeader& header, std::string_view key, const PythonValue& value) {
  if (key == "descr") {
    header.record = value.kind == Kind::list || value.kind == Kind::tuple;
    if (value.kind != Kind::text && !header.record) corrupt("has a descr that is no dtype");
    header.descr = value.text;
  } else if (key == "fortran_order") {
    if (value.kind != Kind::boolean) corrupt("has a fortran_order that is neither True nor False");
    header.column_major = value.boolean;
  } else if (key == "shape") {
    if (value.kind != Kind::tuple) corrupt("has a shape that is no tuple");
    header.shape.clear();
    for (const PythonValue& extent : value.items) header.shape.push_back(extent_of(extent));
  } else {
    corrupt("has the key \"" + printable(key, 40) + "\", which none has");
  }
}

void set_fields(NpyHeader& header, std::string_view text, bool python2) {
  const PythonValue dict = parse_python_literal(text, python2);
  if (dict.kind != Kind::dict) corrupt("is no dictionary");
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < dict.items.size(); i += 2) {
    if (dict.items[i].kind != Kind::text) corrupt("has a key that is no text");
    set_field(header, dict.items[i].text, dict.items[i + 1]);
    keys.push_back(dict.items[i].text);
  }
  for (const char* key : {"descr", "fortran_order", "shape"}) {
    const auto count = std::count(keys.begin(), keys.end(), key);
    if (count == 0) corrupt(std::string("has no key \"") + key + "\"");
    if (count > 1) header.key_twice = true;
  }
}

}  // namespace

void append_npy_header(std::string& out, std::string_view descr, const Shape& shape) {
  constexpr std::string_view kVersion("\x01\0\0\0", kPrefix - npy_magic.size());
  const std::size_t begin = out.size();
  append(out, {npy_magic, kVersion, "{'descr': '", descr, "', 'fortran_order': False, 'shape': ("});
  append_extents(out, shape, ", ");
  out += shape.size() == 1 ? ",), }" : "), }";
  const std::size_t growth =
      shape.empty() ? 0 : kGrowthDigits - std::string_view(Decimal(shape[0])).size();
  // At least one space, as numpy has it.
  const std::size_t size = out.size() - begin + growth + 1;
  out.append(growth + kAlignment - size % kAlignment, ' ');
  out += '\n';
  const std::size_t length = out.size() - begin - kPrefix;
  out[begin + npy_magic.size() + 2] = static_cast<char>(length & 255);
  out[begin + npy_magic.size() + 3] = static_cast<char>(length >> 8);
}

std::string npy_header(std::string_view descr, const Shape& shape) {
  std::string header;
  header.reserve(2 * kAlignment);
  append_npy_header(header, descr, shape);
  return header;
}

NpyHeader read_npy_header(const File& file, std::uint64_t offset, std::uint64_t length) {
  // Nearly every header is shorter: one read.
  constexpr std::uint64_t kUsual = 256;
  NpyHeader header;
  header.bytes = file.read_string(offset, std::min(length, kUsual));
  const std::string_view start = header.bytes;
  if (start.size() < kPrefix + 2 || !start.starts_with(npy_magic)) {
    if (npy_magic.starts_with(start.substr(0, npy_magic.size()))) {
      throw Error(ErrorCode::corrupt, "truncated",
                  "needs 12 bytes of an .npy header, there are " + std::to_string(start.size()));
    }
    throw Error(ErrorCode::corrupt, "npy_magic", "does not begin as .npy files do");
  }
  const auto major = static_cast<unsigned char>(start[6]),
             minor = static_cast<unsigned char>(start[7]);
  if (major < 1 || major > 3 || minor != 0) {
    throw Error(ErrorCode::unsupported, "npy_version",
                "is of version " + std::to_string(major) + "." + std::to_string(minor) +
                    " of the .npy format; 1.0, 2.0 and 3.0 are known");
  }
  const std::uint64_t prefix = major == 1 ? kPrefix : kPrefix + 2;
  const std::uint64_t text = little(start, 8, major == 1 ? 2 : 4);
  if (text > npy_max_header) {
    throw Error(ErrorCode::unsafe, "limit",
                "the .npy header has " + std::to_string(text) + " bytes, the limit is " +
                    std::to_string(npy_max_header));
  }
  if (text > length - prefix) {
    throw Error(ErrorCode::corrupt, "truncated",
                "the .npy header needs bytes " + std::to_string(prefix) + ".." +
                    std::to_string(prefix + text) + ", there are " + std::to_string(length));
  }
  if (prefix + text <= header.bytes.size()) {
    header.bytes.resize(prefix + text);
  } else {
    header.bytes = file.read_string(offset, prefix + text);
  }
  const std::string_view content = std::string_view(header.bytes).substr(prefix);
  if (content.find('\0') != std::string_view::npos) corrupt("holds NUL");
  if (major == 3 && !is_utf8(content)) corrupt("is not UTF-8");
  set_fields(header, content, major < 3);
  return header;
}

}  // namespace tensorferry
