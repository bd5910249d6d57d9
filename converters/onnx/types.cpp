#include "types.h"

#include "util/dtype_rows.h"

namespace tensorferry::onnx {
namespace {

constexpr Encoding native(DType dtype) { return {dtype, Carrier::native, Codec::plain}; }
constexpr Encoding packed(DType dtype) { return {dtype, Carrier::native, Codec::packed}; }
constexpr Encoding carried(DType as, Carrier carrier) { return {as, carrier, Codec::plain}; }

// Codes: onnx.proto of ONNX 1.23. Versions: docs/Versioning.md of ONNX.
constexpr auto kTypes = std::to_array<ElementType>({
    {DType::boolean, native(DType::boolean), 9, 8, 17, true},
    {DType::int2, packed(DType::int2), 26, 13, 25, true},
    {DType::int4, packed(DType::int4), 22, 10, 21, true},
    {DType::int8, native(DType::int8), 3, 8, 17, true},
    {DType::int16, native(DType::int16), 5, 8, 17, true},
    {DType::int32, native(DType::int32), 6, 8, 17, true},
    {DType::int64, native(DType::int64), 7, 8, 17, true},
    {DType::uint2, packed(DType::uint2), 25, 13, 25, true},
    {DType::uint4, packed(DType::uint4), 21, 10, 21, true},
    {DType::uint8, native(DType::uint8), 2, 8, 17, true},
    {DType::uint16, native(DType::uint16), 4, 8, 17, true},
    {DType::uint32, native(DType::uint32), 12, 8, 17, true},
    {DType::uint64, native(DType::uint64), 13, 8, 17, true},
    {DType::float4_e2m1fn, packed(DType::float4_e2m1fn), 23, 11, 23, true},
    {DType::float6_e2m3fn, packed(DType::float6_e2m3fn), 27, 14, 28, false},
    {DType::float6_e3m2fn, packed(DType::float6_e3m2fn), 28, 14, 28, false},
    {DType::float8_e4m3fn, native(DType::float8_e4m3fn), 17, 9, 19, true},
    {DType::float8_e4m3fnuz, native(DType::float8_e4m3fnuz), 18, 9, 19, true},
    {DType::float8_e4m3b11fnuz, carried(DType::uint8, Carrier::codes), 2, 8, 17, true},
    {DType::float8_e5m2, native(DType::float8_e5m2), 19, 9, 19, true},
    {DType::float8_e5m2fnuz, native(DType::float8_e5m2fnuz), 20, 9, 19, true},
    {DType::float8_e8m0fnu, native(DType::float8_e8m0fnu), 24, 12, 24, true},
    {DType::float16, native(DType::float16), 10, 8, 17, true},
    {DType::bfloat16, native(DType::bfloat16), 16, 8, 17, true},
    {DType::float32, native(DType::float32), 1, 8, 17, true},
    {DType::float64, native(DType::float64), 11, 8, 17, true},
    {DType::longdouble, carried(DType::uint8, Carrier::last16), 2, 8, 17, true},
    {DType::complex64, native(DType::complex64), 14, 8, 17, false},
    {DType::complex128, native(DType::complex128), 15, 8, 17, false},
    {DType::qint8, carried(DType::int8, Carrier::bits), 3, 8, 17, true},
    {DType::quint8, carried(DType::uint8, Carrier::bits), 2, 8, 17, true},
    {DType::qint16, carried(DType::int16, Carrier::bits), 5, 8, 17, true},
    {DType::quint16, carried(DType::uint16, Carrier::bits), 4, 8, 17, true},
    {DType::qint32, carried(DType::int32, Carrier::bits), 6, 8, 17, true},
    {DType::string, native(DType::string), 8, 8, 17, true},
});
constexpr DTypeRows kRows(kTypes);

}  // namespace

const ElementType* element_type(DType dtype) { return kRows.find(dtype); }

const ElementType* element_type_of_code(std::int32_t code) {
  for (const ElementType& type : kTypes) {
    if (type.code == code && type.encoding.carrier == Carrier::native) return &type;
  }
  return nullptr;
}

}  // namespace tensorferry::onnx
