#include "tensorferry/dtype.h"

#include <array>
#include <charconv>
#include <iterator>

#include "tensorferry/error.h"
#include "util/text.h"

namespace tensorferry {
namespace {

using enum DTypeKind;

constexpr DTypeInfo kTable[] = {
    // dtype, name, kind, bits, bytes, component_bytes
    {DType::boolean, "bool", boolean, 8, 1, 1},
    {DType::int2, "int2", signed_integer, 2, 1, 1},
    {DType::int4, "int4", signed_integer, 4, 1, 1},
    {DType::int8, "int8", signed_integer, 8, 1, 1},
    {DType::int16, "int16", signed_integer, 16, 2, 2},
    {DType::int32, "int32", signed_integer, 32, 4, 4},
    {DType::int64, "int64", signed_integer, 64, 8, 8},
    {DType::uint2, "uint2", unsigned_integer, 2, 1, 1},
    {DType::uint4, "uint4", unsigned_integer, 4, 1, 1},
    {DType::uint8, "uint8", unsigned_integer, 8, 1, 1},
    {DType::uint16, "uint16", unsigned_integer, 16, 2, 2},
    {DType::uint32, "uint32", unsigned_integer, 32, 4, 4},
    {DType::uint64, "uint64", unsigned_integer, 64, 8, 8},
    {DType::float4_e2m1fn, "float4_e2m1fn", real, 4, 1, 1},
    {DType::float6_e2m3fn, "float6_e2m3fn", real, 6, 1, 1},
    {DType::float6_e3m2fn, "float6_e3m2fn", real, 6, 1, 1},
    {DType::float8_e4m3fn, "float8_e4m3fn", real, 8, 1, 1},
    {DType::float8_e4m3fnuz, "float8_e4m3fnuz", real, 8, 1, 1},
    {DType::float8_e4m3b11fnuz, "float8_e4m3b11fnuz", real, 8, 1, 1},
    {DType::float8_e5m2, "float8_e5m2", real, 8, 1, 1},
    {DType::float8_e5m2fnuz, "float8_e5m2fnuz", real, 8, 1, 1},
    {DType::float8_e8m0fnu, "float8_e8m0fnu", real, 8, 1, 1},
    {DType::float16, "float16", real, 16, 2, 2},
    {DType::bfloat16, "bfloat16", real, 16, 2, 2},
    {DType::float32, "float32", real, 32, 4, 4},
    {DType::float64, "float64", real, 64, 8, 8},
    {DType::longdouble, "longdouble", real, 80, 16, 16},
    {DType::complex64, "complex64", complex, 64, 8, 4},
    {DType::complex128, "complex128", complex, 128, 16, 8},
    {DType::qint8, "qint8", signed_integer, 8, 1, 1},
    {DType::quint8, "quint8", unsigned_integer, 8, 1, 1},
    {DType::qint16, "qint16", signed_integer, 16, 2, 2},
    {DType::quint16, "quint16", unsigned_integer, 16, 2, 2},
    {DType::qint32, "qint32", signed_integer, 32, 4, 4},
    {DType::string, "string", DTypeKind::string, 0, 0, 1},
    {DType::variant, "variant", opaque, 0, 0, 1},
    {DType::resource, "resource", opaque, 0, 0, 1},
    {DType::unknown, "?", opaque, 0, 0, 1},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < std::size(kTable); ++i) {
    if (static_cast<std::size_t>(kTable[i].dtype) != i) return false;
  }
  return std::size(kTable) == static_cast<std::size_t>(DType::unknown) + 1;
}
static_assert(in_order(), "info() indexes the table by the enumeration");

struct Descr {
  char kind;
  unsigned size;
  DType dtype;
};
constexpr Descr kDescrs[] = {
    {'b', 1, DType::boolean},   {'i', 1, DType::int8},        {'i', 2, DType::int16},
    {'i', 4, DType::int32},     {'i', 8, DType::int64},       {'u', 1, DType::uint8},
    {'u', 2, DType::uint16},    {'u', 4, DType::uint32},      {'u', 8, DType::uint64},
    {'f', 2, DType::float16},   {'f', 4, DType::float32},     {'f', 8, DType::float64},
    {'c', 8, DType::complex64}, {'c', 16, DType::complex128}, {'f', 16, DType::longdouble},
};

// Words that people use and that can mean one type only.
struct Alias {
  std::string_view word;
  DType dtype;
};
constexpr Alias kAliases[] = {
    {"fp16", DType::float16},   {"bf16", DType::bfloat16},   {"fp32", DType::float32},
    {"fp64", DType::float64},   {"f32", DType::float32},     {"f64", DType::float64},
    {"i32", DType::int32},      {"i64", DType::int64},       {"u32", DType::uint32},
    {"u64", DType::uint64},     {"boolean", DType::boolean}, {"c64", DType::complex64},
    {"c128", DType::complex128}};

// Words that mean different types to different people, or to different programs; and which ones.
struct Ambiguous {
  std::string_view word, meant;
};
constexpr Ambiguous kAmbiguous[] = {{"float", "float32 or float64"},
                                    {"half", "float16 or bfloat16"},
                                    {"double", "float64 or longdouble"},
                                    {"single", "float32"},
                                    {"real", "float32 or float64"},
                                    {"int", "int32 or int64"},
                                    {"integer", "int32 or int64"},
                                    {"uint", "uint32 or uint64"},
                                    {"long", "int32 or int64"},
                                    {"ulong", "uint32 or uint64"},
                                    {"longlong", "int64"},
                                    {"short", "int16"},
                                    {"ushort", "uint16"},
                                    {"byte", "int8 or uint8"},
                                    {"ubyte", "uint8"},
                                    {"char", "int8 or uint8"},
                                    {"complex", "complex64 or complex128"},
                                    {"float8", "float8_e4m3fn or float8_e5m2"},
                                    {"float6", "float6_e2m3fn or float6_e3m2fn"},
                                    {"float4", "float4_e2m1fn"},
                                    {"fp8", "float8_e4m3fn or float8_e5m2"},
                                    {"fp6", "float6_e2m3fn or float6_e3m2fn"},
                                    {"fp4", "float4_e2m1fn"},
                                    {"f8", "float64 or float8_e4m3fn"},
                                    {"i8", "int8 or int64"},
                                    {"u8", "uint8 or uint64"},
                                    {"f16", "float16 or longdouble"},
                                    {"c8", "complex64"},
                                    {"i16", "int16"},
                                    {"u16", "uint16"},
                                    {"void", ""},
                                    {"bytes", "string or uint8"},
                                    {"str", "string"},
                                    {"object", "string"}};

[[noreturn]] void refuse(std::string_view detail, std::string_view text, std::string_view why) {
  std::string names;
  std::vector<std::string> candidates;
  for (const DTypeInfo& row : kTable) {
    if (row.kind == opaque) continue;
    names += (names.empty() ? "" : ", ") + std::string(row.name);
    candidates.emplace_back(row.name);
  }
  std::string message = "dtype \"" + printable(text, 60) + "\" " + std::string(why);
  const std::vector<std::string> near = nearest(text, candidates);
  if (detail == "dtype" && !near.empty()) message += "; did you mean " + near.front() + "?";
  throw Error(ErrorCode::unsupported, detail,
              message + "; accepted are " + names + ", and a numpy descr such as <f4");
}

// `text` is a descr with its byte order character.
ParsedDType parse_descr(std::string_view text) {
  const char order = text[0];
  const char kind = text.size() > 1 ? text[1] : '\0';
  unsigned size = 0;
  const char* end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data() + (text.size() > 1 ? 2 : 1), end, size);
  if (failure == std::errc() && rest == end) {
    for (const Descr& row : kDescrs) {
      if (row.kind != kind || row.size != size) continue;
      if (order == '|') {
        if (size > 1) refuse("ambiguous_dtype", text, "does not say its byte order");
        return {row.dtype, std::nullopt};
      }
      return {row.dtype, order == '>'};
    }
    if ((kind == 'V' || kind == 'f') && size <= 2) {
      refuse("ambiguous_dtype", text, "has a width but not a type");
    }
  }
  refuse("dtype", text, "is not known");
}

}  // namespace

const DTypeInfo& info(DType dtype) {
  const auto index = static_cast<std::size_t>(dtype);
  return kTable[index < std::size(kTable) ? index : std::size(kTable) - 1];
}

std::span<const DTypeInfo> all_dtypes() { return kTable; }

std::string_view to_string(DType dtype) { return info(dtype).name; }

bool is_fixed_size(DType dtype) { return info(dtype).bytes != 0; }

bool is_number(DType dtype) {
  const DTypeKind kind = info(dtype).kind;
  return kind != DTypeKind::string && kind != DTypeKind::opaque;
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeInfo& row : kTable) {
    if (row.name == name && row.dtype != DType::unknown) return row.dtype;
  }
  return std::nullopt;
}

ParsedDType parse_dtype(std::string_view text) {
  if (const auto dtype = dtype_from_name(text)) return {*dtype, std::nullopt};
  if (!text.empty() && (text[0] == '<' || text[0] == '>' || text[0] == '|'))
    return parse_descr(text);
  for (const Alias& alias : kAliases) {
    if (alias.word == text) return {alias.dtype, std::nullopt};
  }
  for (const Ambiguous& each : kAmbiguous) {
    if (each.word != text) continue;
    std::string why = "is ambiguous";
    if (!each.meant.empty()) why += "; write " + std::string(each.meant);
    refuse("ambiguous_dtype", text, why);
  }
  if (text == "V1" || text == "V2") refuse("ambiguous_dtype", text, "has a width but not a type");
  for (const Descr& row : kDescrs) {
    if (text == row.kind + std::to_string(row.size)) {
      refuse("ambiguous_dtype", text, "does not say its byte order");
    }
  }
  refuse("dtype", text, "is not known");
}

}  // namespace tensorferry
