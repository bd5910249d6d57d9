#include "types.h"

#include <cstdint>
#include <string>

#include "tensorferry/error.h"

namespace tensorferry::hdf5 {
namespace {

Handle copy_of(hid_t type) { return Handle(H5Tcopy(type), H5Tclose, "make a type"); }

void tried(herr_t result) { checked(result, "make a type"); }

// Sign, exponent, mantissa from the top bit down, little-endian, without padding.
struct FloatLayout {
  std::size_t bytes, exponent_bits, mantissa_bits, bias;
};

Handle float_type(const FloatLayout& layout) {
  Handle type = copy_of(H5T_IEEE_F32LE);
  const std::size_t sign = layout.exponent_bits + layout.mantissa_bits;
  // In this order: each step leaves a type that the library accepts.
  tried(H5Tset_fields(type.id(), sign, layout.mantissa_bits, layout.exponent_bits, 0,
                      layout.mantissa_bits));
  tried(H5Tset_ebias(type.id(), layout.bias));
  tried(H5Tset_precision(type.id(), sign + 1));
  tried(H5Tset_size(type.id(), layout.bytes));
  return type;
}

// x87's 80 bits in 16 bytes, with an explicit leading one; equal to H5T_NATIVE_LDOUBLE on x86-64.
Handle long_double_type() {
  Handle type = copy_of(H5T_IEEE_F64LE);
  tried(H5Tset_size(type.id(), 16));
  tried(H5Tset_precision(type.id(), 80));
  tried(H5Tset_fields(type.id(), 79, 64, 15, 0, 64));
  tried(H5Tset_ebias(type.id(), 16383));
  tried(H5Tset_norm(type.id(), H5T_NORM_NONE));
  return type;
}

// As h5py writes numpy's bool.
Handle bool_type() {
  Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose, "make a type");
  const std::int8_t no = 0, yes = 1;
  tried(H5Tenum_insert(type.id(), "FALSE", &no));
  tried(H5Tenum_insert(type.id(), "TRUE", &yes));
  return type;
}

// As h5py writes numpy's complex types.
Handle complex_type(hid_t part, std::size_t part_bytes) {
  Handle type(H5Tcreate(H5T_COMPOUND, 2 * part_bytes), H5Tclose, "make a type");
  tried(H5Tinsert(type.id(), "r", 0, part));
  tried(H5Tinsert(type.id(), "i", part_bytes, part));
  return type;
}

}  // namespace

Handle element_type(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return bool_type();
    case DType::int8:
      return copy_of(H5T_STD_I8LE);
    case DType::int16:
      return copy_of(H5T_STD_I16LE);
    case DType::int32:
      return copy_of(H5T_STD_I32LE);
    case DType::int64:
      return copy_of(H5T_STD_I64LE);
    case DType::uint8:
      return copy_of(H5T_STD_U8LE);
    case DType::uint16:
      return copy_of(H5T_STD_U16LE);
    case DType::uint32:
      return copy_of(H5T_STD_U32LE);
    case DType::uint64:
      return copy_of(H5T_STD_U64LE);
    case DType::float8_e5m2:
      return float_type({1, 5, 2, 15});
    case DType::float16:
      return float_type({2, 5, 10, 15});
    case DType::bfloat16:
      return float_type({2, 8, 7, 127});
    case DType::float32:
      return copy_of(H5T_IEEE_F32LE);
    case DType::float64:
      return copy_of(H5T_IEEE_F64LE);
    case DType::longdouble:
      return long_double_type();
    case DType::complex64:
      return complex_type(H5T_IEEE_F32LE, 4);
    case DType::complex128:
      return complex_type(H5T_IEEE_F64LE, 8);
    default:
      throw Error(ErrorCode::internal, "hdf5_type",
                  "no HDF5 type for the dtype " + std::string(to_string(dtype)));
  }
}

Handle text_type() {
  Handle type = copy_of(H5T_C_S1);
  tried(H5Tset_size(type.id(), H5T_VARIABLE));
  tried(H5Tset_cset(type.id(), H5T_CSET_UTF8));
  return type;
}

Handle bytes_type() { return Handle(H5Tvlen_create(H5T_STD_U8LE), H5Tclose, "make a type"); }

}  // namespace tensorferry::hdf5
