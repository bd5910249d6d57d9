#include "dtypes.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace tensorferry::tensorflow {
namespace {

constexpr std::int32_t kReference = 100;

// The index is the number in the file.
constexpr std::array kCodes = {
    DType::unknown,
    DType::float32,
    DType::float64,
    DType::int32,
    DType::uint8,
    DType::int16,
    DType::int8,
    DType::string,
    DType::complex64,
    DType::int64,
    DType::boolean,
    DType::qint8,
    DType::quint8,
    DType::qint32,
    DType::bfloat16,
    DType::qint16,
    DType::quint16,
    DType::uint16,
    DType::complex128,
    DType::float16,
    DType::resource,
    DType::variant,
    DType::uint32,
    DType::uint64,
    DType::float8_e5m2,
    DType::float8_e4m3fn,
    DType::float8_e4m3fnuz,
    DType::float8_e4m3b11fnuz,
    DType::float8_e5m2fnuz,
    DType::int4,
    DType::uint4,
    DType::int2,
    DType::uint2,
    DType::float4_e2m1fn,
};
static_assert(kCodes.size() == 34);

}  // namespace

DType dtype_of_code(std::int32_t code) {
  if (code > kReference) code -= kReference;
  if (code < 0 || static_cast<std::size_t>(code) >= kCodes.size()) return DType::unknown;
  return kCodes[static_cast<std::size_t>(code)];
}

std::int32_t code_of_dtype(DType dtype) {
  const auto found = std::find(kCodes.begin() + 1, kCodes.end(), dtype);
  return found == kCodes.end() ? 0 : static_cast<std::int32_t>(found - kCodes.begin());
}

}  // namespace tensorferry::tensorflow
