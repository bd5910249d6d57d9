#include "encoding.h"

namespace tensorferry::hdf5 {

std::optional<Encoding> encoding_of(DType dtype) {
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
    case DType::int2:
    case DType::int4:
      return Encoding{DType::int8, Carrier::sign_extended, Codec::sign_extended};
    // HDF5 2.0 has a type for e4m3, but with infinities: 448 would read as NaN. The others have
    // none.
    case DType::uint2:
    case DType::uint4:
    case DType::float4_e2m1fn:
    case DType::float6_e2m3fn:
    case DType::float6_e3m2fn:
    case DType::float8_e4m3fn:
    case DType::float8_e4m3fnuz:
    case DType::float8_e4m3b11fnuz:
    case DType::float8_e5m2fnuz:
    case DType::float8_e8m0fnu:
      return Encoding{DType::uint8, Carrier::codes};
    case DType::qint8:
      return Encoding{DType::int8, Carrier::bits};
    case DType::quint8:
      return Encoding{DType::uint8, Carrier::bits};
    case DType::qint16:
      return Encoding{DType::int16, Carrier::bits};
    case DType::quint16:
      return Encoding{DType::uint16, Carrier::bits};
    case DType::qint32:
      return Encoding{DType::int32, Carrier::bits};
    case DType::variant:
    case DType::resource:
    case DType::unknown:
      break;
  }
  return std::nullopt;
}

}  // namespace tensorferry::hdf5
