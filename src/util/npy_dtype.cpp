#include "util/npy_dtype.h"

#include <charconv>
#include <string>
#include <vector>

#include "core/carriers.h"
#include "tensorferry/error.h"
#include "util/npy_header.h"
#include "util/text.h"

namespace tensorferry {
namespace {

struct Word {
  std::string_view text;
  DType dtype;
};

// np.dtype(word) on every machine. Letters first, then names and aliases.
constexpr Word kWords[] = {
    {"?", DType::boolean},
    {"b", DType::int8},
    {"B", DType::uint8},
    {"h", DType::int16},
    {"H", DType::uint16},
    {"i", DType::int32},
    {"I", DType::uint32},
    {"q", DType::int64},
    {"Q", DType::uint64},
    {"e", DType::float16},
    {"f", DType::float32},
    {"d", DType::float64},
    {"g", DType::longdouble},
    {"F", DType::complex64},
    {"D", DType::complex128},
    {"bool", DType::boolean},
    {"bool_", DType::boolean},
    {"int8", DType::int8},
    {"int16", DType::int16},
    {"int32", DType::int32},
    {"int64", DType::int64},
    {"uint8", DType::uint8},
    {"uint16", DType::uint16},
    {"uint32", DType::uint32},
    {"uint64", DType::uint64},
    {"float16", DType::float16},
    {"float32", DType::float32},
    {"float64", DType::float64},
    {"complex64", DType::complex64},
    {"complex128", DType::complex128},
    {"byte", DType::int8},
    {"ubyte", DType::uint8},
    {"short", DType::int16},
    {"ushort", DType::uint16},
    {"intc", DType::int32},
    {"uintc", DType::uint32},
    {"longlong", DType::int64},
    {"ulonglong", DType::uint64},
    {"half", DType::float16},
    {"single", DType::float32},
    {"double", DType::float64},
    {"float", DType::float64},
    {"longdouble", DType::longdouble},
    {"csingle", DType::complex64},
    {"cdouble", DType::complex128},
    {"complex", DType::complex128},
    // ml_dtypes, whose types numpy knows by name where that package is imported. An element of less
    // than eight bits takes a byte.
    {"bfloat16", DType::bfloat16},
    {"int2", DType::int2},
    {"int4", DType::int4},
    {"uint2", DType::uint2},
    {"uint4", DType::uint4},
    {"float4_e2m1fn", DType::float4_e2m1fn},
    {"float6_e2m3fn", DType::float6_e2m3fn},
    {"float6_e3m2fn", DType::float6_e3m2fn},
    {"float8_e4m3fn", DType::float8_e4m3fn},
    {"float8_e4m3fnuz", DType::float8_e4m3fnuz},
    {"float8_e4m3b11fnuz", DType::float8_e4m3b11fnuz},
    {"float8_e5m2", DType::float8_e5m2},
    {"float8_e5m2fnuz", DType::float8_e5m2fnuz},
    {"float8_e8m0fnu", DType::float8_e8m0fnu},
};

// Kind and bytes. `f1` is what np.save of ml_dtypes writes for float8_e5m2.
struct Sized {
  char kind;
  std::uint64_t bytes;
  DType dtype;
};
constexpr Sized kSized[] = {
    {'b', 1, DType::boolean},     {'i', 1, DType::int8},        {'i', 2, DType::int16},
    {'i', 4, DType::int32},       {'i', 8, DType::int64},       {'u', 1, DType::uint8},
    {'u', 2, DType::uint16},      {'u', 4, DType::uint32},      {'u', 8, DType::uint64},
    {'f', 1, DType::float8_e5m2}, {'f', 2, DType::float16},     {'f', 4, DType::float32},
    {'f', 8, DType::float64},     {'f', 16, DType::longdouble}, {'c', 8, DType::complex64},
    {'c', 16, DType::complex128},
};

constexpr std::string_view kMachine[] = {"l",   "L",    "p",    "P",     "n",    "N",
                                         "int", "uint", "long", "ulong", "intp", "uintp"};

[[noreturn]] void unsupported(std::string_view descr, std::string_view why) {
  throw Error(ErrorCode::unsupported, "dtype",
              "the numpy dtype '" + printable(descr, 60) + "' " + std::string(why));
}

/// What the letter of a dtype without a place here stands for; empty = nothing known.
std::string_view unsupported_kind(char kind) {
  switch (kind) {
    case 'M':
      return "is a date, which is not read";
    case 'm':
      return "is a duration, which is not read";
    default:
      return {};
  }
}

}  // namespace

std::string_view npy_descr(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return "|b1";
    case DType::int2:
    case DType::int4:
    case DType::int8:
    case DType::qint8:
      return "|i1";
    case DType::int16:
    case DType::qint16:
      return "<i2";
    case DType::int32:
    case DType::qint32:
      return "<i4";
    case DType::int64:
      return "<i8";
    case DType::uint2:
    case DType::uint4:
    case DType::uint8:
    case DType::quint8:
      return "|u1";
    case DType::uint16:
    case DType::quint16:
      return "<u2";
    case DType::uint32:
      return "<u4";
    case DType::uint64:
      return "<u8";
    case DType::float4_e2m1fn:
    case DType::float6_e2m3fn:
    case DType::float6_e3m2fn:
    case DType::float8_e4m3fn:
    case DType::float8_e4m3fnuz:
    case DType::float8_e4m3b11fnuz:
    case DType::float8_e5m2:
    case DType::float8_e5m2fnuz:
    case DType::float8_e8m0fnu:
      return "|V1";
    case DType::float16:
      return "<f2";
    case DType::bfloat16:
      return "<V2";
    case DType::float32:
      return "<f4";
    case DType::float64:
      return "<f8";
    case DType::longdouble:
      return "<f16";
    case DType::complex64:
      return "<c8";
    case DType::complex128:
      return "<c16";
    case DType::string:
    case DType::variant:
    case DType::resource:
    case DType::unknown:
      break;
  }
  return {};
}

std::optional<Encoding> npy_encoding(DType dtype) {
  if (const auto carried = integer_carrier(dtype)) return carried;
  if (dtype == DType::bfloat16) return Encoding{dtype, Carrier::bits};
  if (dtype == DType::string) return Encoding{DType::uint8, Carrier::string_pair};
  const std::string_view descr = npy_descr(dtype);
  if (descr.empty()) return std::nullopt;
  return Encoding{dtype, descr == "|V1" ? Carrier::codes : Carrier::native};
}

NpyType parse_npy_descr(std::string_view descr) {
  NpyType type;
  std::string_view rest = descr;
  const bool ordered =
      !rest.empty() && std::string_view("<>=|").find(rest[0]) != std::string_view::npos;
  if (ordered) {
    type.big_endian = rest[0] == '>';
    rest.remove_prefix(1);
  }
  if (rest.find_first_of(",()") != std::string_view::npos)
    unsupported(descr, "is a record, which is not read");
  if (rest == "object" || (!rest.empty() && rest[0] == 'O')) {
    throw Error(ErrorCode::unsupported, "pickle", "holds Python objects: pickle is never executed");
  }
  for (std::string_view word : kMachine) {
    if (rest == word) unsupported(descr, "depends on the machine that wrote the file");
  }
  for (const Word& word : kWords) {
    if (rest != word.text) continue;
    type.dtype = word.dtype;
    type.width = info(word.dtype).bytes;
    return type;
  }
  const char kind = rest.empty() ? '\0' : rest[0];
  const std::string_view digits = rest.empty() ? rest : rest.substr(1);
  if (const auto why = unsupported_kind(kind); !why.empty()) unsupported(descr, why);
  const auto [end, failure] =
      std::from_chars(digits.data(), digits.data() + digits.size(), type.width);
  const bool sized = failure == std::errc() && end == digits.data() + digits.size();
  if (kind == 'U') {
    constexpr std::uint64_t kCharacter = 4;
    if (!sized && !digits.empty()) unsupported(descr, "is not known");
    type.kind = NpyType::Kind::wide_text;
    type.dtype = DType::string;
    type.width = checked_multiply(type.width, kCharacter);
    return type;
  }
  if (kind == 'S' || kind == 'a' || kind == 'V') {
    if (!sized && !digits.empty()) unsupported(descr, "is not known");
    type.kind = kind == 'V' ? NpyType::Kind::opaque : NpyType::Kind::text;
    type.dtype = kind == 'V' ? DType::unknown : DType::string;
    type.big_endian = false;
    return type;
  }
  for (const Sized& row : kSized) {
    if (!sized || row.kind != kind || row.bytes != type.width) continue;
    type.dtype = row.dtype;
    return type;
  }
  unsupported(descr, "is not known");
}

void refuse_for_numpy(const Manifest& manifest, std::string_view format) {
  std::vector<std::string> types, ranks;
  for (const Tensor& tensor : manifest.tensors) {
    if (npy_descr(tensor.dtype).empty()) {
      types.push_back(tensor.name + " (" + std::string(to_string(tensor.dtype)) + ")");
    } else if (tensor.shape.size() > npy_max_rank) {
      ranks.push_back(tensor.name + " (rank " + std::to_string(tensor.shape.size()) + ")");
    }
  }
  if (!types.empty()) {
    throw Error(ErrorCode::unsupported, "dtype",
                std::string(format) + " cannot hold " + join_names(types));
  }
  if (!ranks.empty()) {
    throw Error(
        ErrorCode::unsupported, "rank",
        "numpy has at most " + std::to_string(npy_max_rank) + " dimensions: " + join_names(ranks));
  }
}

}  // namespace tensorferry
