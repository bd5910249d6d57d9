#include "datatypes.h"

#include <map>
#include <string>

#include "global_heap.h"
#include "tensorferry/error.h"
#include "util/fields.h"
#include "util/text.h"

namespace tensorferry::hdf5 {
namespace {

enum class Class : std::uint8_t {
  integer = 0,
  real = 1,
  compound = 6,
  enumeration = 8,
  variable = 9
};

Fields<> front(Class kind, std::uint32_t bits, std::size_t bytes) {
  constexpr unsigned kVersion = 1 << 4;
  return Fields<>().put(kVersion | static_cast<unsigned>(kind), 1).put(bits, 3).put(bytes, 4);
}

std::string integer(std::size_t bytes, bool is_signed) {
  return std::string(front(Class::integer, is_signed ? 8 : 0, bytes).put(0, 2).put(8 * bytes, 2));
}

// Sign, exponent, mantissa from the top bit down, without padding below.
struct FloatLayout {
  std::size_t bytes, exponent_bits, mantissa_bits, bias;
  bool leading_one_left_out = true;
};

std::string real(const FloatLayout& layout) {
  const std::size_t sign = layout.exponent_bits + layout.mantissa_bits;
  const auto bits =
      static_cast<std::uint32_t>((layout.leading_one_left_out ? 0x20 : 0) | sign << 8);
  return std::string(front(Class::real, bits, layout.bytes)
                         .put(0, 2)
                         .put(sign + 1, 2)
                         .put(layout.mantissa_bits, 1)
                         .put(layout.exponent_bits, 1)
                         .put(0, 1)
                         .put(layout.mantissa_bits, 1)
                         .put(layout.bias, 4));
}

std::string padded(std::string_view name) {
  constexpr std::size_t kUnit = 8;
  std::string text(name);
  text.resize((name.size() / kUnit + 1) * kUnit);
  return text;
}

// As h5py writes numpy's bool.
std::string boolean() {
  std::string type(front(Class::enumeration, 2, 1));
  return type + integer(1, true) + padded("FALSE") + padded("TRUE") + std::string("\0\1", 2);
}

// As h5py writes numpy's complex types.
std::string complex(const std::string& part, std::size_t part_bytes) {
  constexpr std::size_t kNoExtents = 28;
  std::string type(front(Class::compound, 2, 2 * part_bytes));
  std::size_t offset = 0;
  for (const char* name : {"r", "i"}) {
    append(type, {padded(name), Fields<>().put(offset, 4), std::string(kNoExtents, '\0'), part});
    offset += part_bytes;
  }
  return type;
}

std::string variable(std::uint32_t bits) {
  return std::string(front(Class::variable, bits, HeapReference::kBytes)) + integer(1, false);
}

std::map<DType, std::string> element_datatypes() {
  const std::string single = real({4, 8, 23, 127}), twice = real({8, 11, 52, 1023});
  return {{DType::boolean, boolean()},
          {DType::int8, integer(1, true)},
          {DType::int16, integer(2, true)},
          {DType::int32, integer(4, true)},
          {DType::int64, integer(8, true)},
          {DType::uint8, integer(1, false)},
          {DType::uint16, integer(2, false)},
          {DType::uint32, integer(4, false)},
          {DType::uint64, integer(8, false)},
          {DType::float8_e5m2, real({1, 5, 2, 15})},
          {DType::float16, real({2, 5, 10, 15})},
          {DType::bfloat16, real({2, 8, 7, 127})},
          {DType::float32, single},
          {DType::float64, twice},
          // x87's 80 bits in 16 bytes, equal to H5T_NATIVE_LDOUBLE on x86-64.
          {DType::longdouble, real({16, 15, 64, 16383, false})},
          {DType::complex64, complex(single, 4)},
          {DType::complex128, complex(twice, 8)}};
}

}  // namespace

std::string_view element_datatype(DType dtype) {
  static const std::map<DType, std::string> types = element_datatypes();
  const auto found = types.find(dtype);
  if (found != types.end()) return found->second;
  throw Error(ErrorCode::internal, "hdf5_type",
              "no HDF5 type for the dtype " + std::string(to_string(dtype)));
}

std::string_view text_datatype() {
  static const std::string type = variable(0x101);
  return type;
}

std::string_view bytes_datatype() {
  static const std::string type = variable(0);
  return type;
}

}  // namespace tensorferry::hdf5
