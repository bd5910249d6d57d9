#include "tensorferry/values.h"

#include <array>

#include "core/number.h"

namespace tensorferry {

std::uint64_t little_endian(const std::byte* bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;)
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

long double decode_longdouble(const std::byte* bytes) {
  return value_of(decode_number(DType::longdouble, bytes));
}

float decode_small_float(DType dtype, unsigned code) {
  const std::array<std::byte, 2> bytes = {static_cast<std::byte>(code & 0xff),
                                          static_cast<std::byte>(code >> 8)};
  return static_cast<float>(value_of(decode_number(dtype, bytes.data())));
}

}  // namespace tensorferry
