#include "encoding.h"

#include "safetensors_wire.h"

namespace tensorferry::safetensors {

std::optional<Encoding> encoding_of(DType dtype) {
  switch (dtype) {
    case DType::float4_e2m1fn:
      return Encoding{dtype, Carrier::native, Codec::packed};
    case DType::int2:
    case DType::int4:
      return Encoding{DType::int8, Carrier::sign_extended, Codec::sign_extended};
    // F6 has names, but no documentation says how its elements are packed.
    case DType::uint2:
    case DType::uint4:
    case DType::float6_e2m3fn:
    case DType::float6_e3m2fn:
    case DType::float8_e4m3b11fnuz:
      return Encoding{DType::uint8, Carrier::codes};
    case DType::longdouble:
      return Encoding{DType::uint8, Carrier::last16};
    case DType::complex128:
      return Encoding{DType::float64, Carrier::last2};
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
    case DType::string:
      return Encoding{DType::uint8, Carrier::string_pair};
    case DType::variant:
    case DType::resource:
    case DType::unknown:
      return std::nullopt;
    default:
      return Encoding{dtype};
  }
}

std::optional<Encoding> encoding_of(const Tensor& tensor) {
  if (tensor.dtype == DType::float4_e2m1fn && tensor.elements() % 2 != 0)
    return Encoding{DType::uint8, Carrier::codes};
  return encoding_of(tensor.dtype);
}

}  // namespace tensorferry::safetensors
