#include "encoding.h"

#include "core/carriers.h"

namespace tensorferry::hdf5 {

std::optional<Encoding> encoding_of(DType dtype) {
  if (const auto carried = integer_carrier(dtype)) return carried;
  switch (dtype) {
    case DType::boolean:
    case DType::int8:
    case DType::int16:
    case DType::int32:
    case DType::int64:
    case DType::uint8:
    case DType::uint16:
    case DType::uint32:
    case DType::uint64:
    case DType::float8_e5m2:
    case DType::float16:
    case DType::bfloat16:
    case DType::float32:
    case DType::float64:
    case DType::longdouble:
    case DType::complex64:
    case DType::complex128:
    case DType::string:
      return Encoding{dtype};
    // HDF5 2.0 has a type for e4m3, but with infinities: 448 would read as NaN. The others have
    // none.
    case DType::float4_e2m1fn:
    case DType::float6_e2m3fn:
    case DType::float6_e3m2fn:
    case DType::float8_e4m3fn:
    case DType::float8_e4m3fnuz:
    case DType::float8_e4m3b11fnuz:
    case DType::float8_e5m2fnuz:
    case DType::float8_e8m0fnu:
      return Encoding{DType::uint8, Carrier::codes};
    default:
      return std::nullopt;
  }
}

}  // namespace tensorferry::hdf5
