#include "encoding.h"

#include "core/carriers.h"
#include "safetensors_wire.h"

namespace tensorferry::safetensors {

std::optional<Encoding> encoding_of(DType dtype) {
  if (const auto carried = integer_carrier(dtype)) return carried;
  switch (dtype) {
    case DType::float4_e2m1fn:
      return Encoding{dtype, Carrier::native, Codec::packed};
    // F6 has names, but no documentation says how its elements are packed.
    case DType::float6_e2m3fn:
    case DType::float6_e3m2fn:
    case DType::float8_e4m3b11fnuz:
      return Encoding{DType::uint8, Carrier::codes};
    case DType::longdouble:
      return Encoding{DType::uint8, Carrier::last16};
    case DType::complex128:
      return Encoding{DType::float64, Carrier::last2};
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
