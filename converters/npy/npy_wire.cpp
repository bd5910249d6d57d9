#include "npy_wire.h"

namespace tensorferry {
namespace {

constexpr std::size_t kPrefix = 10;        // magic, version, length
constexpr std::size_t kAlignment = 64;     // ARRAY_ALIGN
constexpr std::size_t kGrowthDigits = 21;  // GROWTH_AXIS_MAX_DIGITS: of 8 * 2^64

std::string tuple(const Shape& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
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

std::string npy_header(std::string_view descr, const Shape& shape) {
  std::string text = "{'descr': '" + std::string(descr) +
                     "', 'fortran_order': False, 'shape': " + tuple(shape) + ", }";
  if (!shape.empty()) text.append(kGrowthDigits - std::to_string(shape[0]).size(), ' ');
  const std::size_t fill = kAlignment - (kPrefix + text.size() + 1) % kAlignment;
  text.append(fill, ' ');
  text += '\n';
  std::string header(npy_magic);
  header += '\x01';
  header += '\x00';
  header += static_cast<char>(text.size() & 255);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

}  // namespace tensorferry
