#include "stored_types.h"

#include <array>

#include "file_driver.h"
#include "tensorferry/error.h"

namespace tensorferry::hdf5 {
namespace {

[[noreturn]] void unsupported(const std::string& what) {
  throw Error(ErrorCode::unsupported, "dtype", "its HDF5 type is " + what);
}

constexpr std::string_view kReading = "read a type";

std::string bytes_text(std::size_t bytes) { return std::to_string(bytes) + " bytes"; }

// Only for single bytes order does not matter.
bool big_endian(hid_t type, std::size_t bytes) {
  if (bytes == 1) return false;
  const H5T_order_t order = readable(H5Tget_order(type), kReading);
  if (order == H5T_ORDER_BE) return true;
  if (order != H5T_ORDER_LE) unsupported("in the byte order of a VAX, or in none");
  return false;
}

DType integer_of(std::size_t bytes, std::size_t precision, bool is_signed) {
  if (bytes == 1 && precision == 2) return is_signed ? DType::int2 : DType::uint2;
  if (bytes == 1 && precision == 4) return is_signed ? DType::int4 : DType::uint4;
  if (precision == 8 * bytes) {
    if (bytes == 1) return is_signed ? DType::int8 : DType::uint8;
    if (bytes == 2) return is_signed ? DType::int16 : DType::uint16;
    if (bytes == 4) return is_signed ? DType::int32 : DType::uint32;
    if (bytes == 8) return is_signed ? DType::int64 : DType::uint64;
  }
  unsupported("an integer of " + std::to_string(precision) + " bits in " + bytes_text(bytes));
}

StoredType integer(hid_t type) {
  StoredType stored;
  stored.bytes = H5Tget_size(type);
  if (readable(H5Tget_offset(type), kReading) != 0) unsupported("an integer with an offset");
  const H5T_sign_t sign = readable(H5Tget_sign(type), kReading);
  stored.dtype = integer_of(stored.bytes, H5Tget_precision(type), sign == H5T_SGN_2);
  stored.big_endian = big_endian(type, stored.bytes);
  return stored;
}

struct FloatFields {
  std::size_t bytes, precision, sign, exponent, exponent_bits, mantissa, mantissa_bits, bias;
  H5T_norm_t norm;
  bool operator==(const FloatFields&) const = default;
};

struct KnownFloat {
  DType dtype;
  FloatFields fields;
};

constexpr H5T_norm_t kImplied = H5T_NORM_IMPLIED;
constexpr std::array kFloats{
    KnownFloat{DType::float16, {2, 16, 15, 10, 5, 0, 10, 15, kImplied}},
    KnownFloat{DType::bfloat16, {2, 16, 15, 7, 8, 0, 7, 127, kImplied}},
    KnownFloat{DType::float8_e5m2, {1, 8, 7, 2, 5, 0, 2, 15, kImplied}},
    KnownFloat{DType::float32, {4, 32, 31, 23, 8, 0, 23, 127, kImplied}},
    KnownFloat{DType::float64, {8, 64, 63, 52, 11, 0, 52, 1023, kImplied}},
    KnownFloat{DType::longdouble, {16, 80, 79, 64, 15, 0, 64, 16383, H5T_NORM_NONE}},
};

StoredType floating(hid_t type) {
  FloatFields fields{};
  fields.bytes = H5Tget_size(type);
  fields.precision = H5Tget_precision(type);
  readable(H5Tget_fields(type, &fields.sign, &fields.exponent, &fields.exponent_bits,
                         &fields.mantissa, &fields.mantissa_bits),
           kReading);
  fields.bias = H5Tget_ebias(type);
  fields.norm = H5Tget_norm(type);
  for (const KnownFloat& known : kFloats) {
    if (!(known.fields == fields) || readable(H5Tget_offset(type), kReading) != 0) continue;
    StoredType stored;
    stored.dtype = known.dtype;
    stored.bytes = fields.bytes;
    stored.big_endian = big_endian(type, fields.bytes);
    if (stored.big_endian && known.dtype == DType::longdouble) break;
    return stored;
  }
  unsupported("a float of " + bytes_text(fields.bytes) + " with " +
              std::to_string(fields.exponent_bits) + " bits of exponent and " +
              std::to_string(fields.mantissa_bits) + " of mantissa");
}

std::string member_name(hid_t type, unsigned index) {
  char* name = H5Tget_member_name(type, index);
  if (name == nullptr) throw_read_error(kReading);
  std::string text = name;
  H5free_memory(name);
  return text;
}

StoredType compound(hid_t type) {
  constexpr std::array<std::array<std::string_view, 2>, 3> kNames{
      {{"r", "i"}, {"real", "imag"}, {"re", "im"}}};
  if (readable(H5Tget_nmembers(type), kReading) != 2) unsupported("a compound");
  const std::array names{member_name(type, 0), member_name(type, 1)};
  bool known = false;
  for (const auto& pair : kNames) known = known || (names[0] == pair[0] && names[1] == pair[1]);
  if (!known) unsupported("a compound of " + printable(names[0]) + " and " + printable(names[1]));
  const Handle real = readable_handle(H5Tget_member_type(type, 0), H5Tclose, kReading);
  const Handle imaginary = readable_handle(H5Tget_member_type(type, 1), H5Tclose, kReading);
  const bool parts_are_floats =
      H5Tget_class(real.id()) == H5T_FLOAT && H5Tequal(real.id(), imaginary.id()) > 0;
  if (!parts_are_floats) unsupported("a complex number of parts that are no floats");
  const StoredType part = floating(real.id());
  StoredType stored = part;
  stored.bytes = H5Tget_size(type);
  if (stored.bytes != 2 * part.bytes || H5Tget_member_offset(type, 0) != 0 ||
      H5Tget_member_offset(type, 1) != part.bytes)
    unsupported("a complex number with gaps");
  if (part.dtype == DType::float32) {
    stored.dtype = DType::complex64;
  } else if (part.dtype == DType::float64) {
    stored.dtype = DType::complex128;
  } else {
    unsupported("a complex number of " + std::string(to_string(part.dtype)));
  }
  return stored;
}

bool same_word(std::string_view text, std::string_view upper) {
  return text.size() == upper.size() &&
         std::equal(text.begin(), text.end(), upper.begin(), [](char a, char b) {
           return a == b || (a >= 'a' && a <= 'z' && a - 'a' + 'A' == b);
         });
}

StoredType enumeration(hid_t type) {
  const Handle base = readable_handle(H5Tget_super(type), H5Tclose, kReading);
  const int members = readable(H5Tget_nmembers(type), kReading);
  if (H5Tget_size(type) != 1 || members != 2) unsupported("an enumeration");
  for (unsigned i = 0; i < 2; ++i) {
    unsigned char value = 2;
    readable(H5Tget_member_value(type, i, &value), kReading);
    if (!same_word(member_name(type, i), value == 0 ? "FALSE" : "TRUE") || value > 1)
      unsupported("an enumeration that is not FALSE=0, TRUE=1");
  }
  StoredType stored;
  stored.dtype = DType::boolean;
  stored.bytes = 1;
  return stored;
}

StoredType text(hid_t type) {
  StoredType stored;
  stored.dtype = DType::string;
  stored.bytes = H5Tget_size(type);
  stored.form = readable(H5Tis_variable_str(type), kReading) > 0 ? StoredType::Form::rows
                                                                 : StoredType::Form::fixed_text;
  stored.padding = H5Tget_strpad(type);
  return stored;
}

StoredType rows(hid_t type) {
  const Handle base = readable_handle(H5Tget_super(type), H5Tclose, kReading);
  if (H5Tget_class(base.id()) != H5T_INTEGER || H5Tget_size(base.id()) != 1)
    unsupported("rows of variable length");
  StoredType stored;
  stored.dtype = DType::string;
  stored.form = StoredType::Form::rows;
  return stored;
}

}  // namespace

StoredType stored_type(hid_t type) {
  switch (readable(H5Tget_class(type), kReading)) {
    case H5T_INTEGER:
      return integer(type);
    case H5T_FLOAT:
      return floating(type);
    case H5T_COMPOUND:
      return compound(type);
    case H5T_ENUM:
      return enumeration(type);
    case H5T_STRING:
      return text(type);
    case H5T_VLEN:
      return rows(type);
    case H5T_BITFIELD: {
      // As HDF5.jl writes Bool.
      if (H5Tget_size(type) != 1) unsupported("a bit field of " + bytes_text(H5Tget_size(type)));
      StoredType stored;
      stored.dtype = DType::boolean;
      stored.bytes = 1;
      return stored;
    }
    case H5T_OPAQUE: {
      StoredType stored;
      stored.form = StoredType::Form::opaque;
      stored.bytes = H5Tget_size(type);
      return stored;
    }
    case H5T_TIME:
      unsupported("a time");
    case H5T_REFERENCE:
      unsupported("a reference");
    case H5T_ARRAY:
      unsupported("an array inside each element");
    default:
      unsupported("of a class that is not known");
  }
}

}  // namespace tensorferry::hdf5
