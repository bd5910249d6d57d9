#include "stored_types.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "tensorferry/error.h"
#include "tensorferry/values.h"
#include "util/json.h"
#include "util/text.h"

namespace tensorferry::hdf5 {
namespace {

using Class = Datatype::Class;

// Of integers.
constexpr unsigned kSigned = 8;

[[noreturn]] void unsupported(const std::string& what) {
  throw Error(ErrorCode::unsupported, "dtype", "its HDF5 type is " + what);
}

std::string bytes_text(std::uint64_t bytes) { return std::to_string(bytes) + " bytes"; }

// Of integers, bit fields and floats, before the meaning of their bits.
StoredType number(const Datatype& type, DType dtype) {
  constexpr unsigned kBigEndian = 1, kVax = 0x40;
  if (type.kind == Class::real && (type.flags & kVax) != 0)
    unsupported("in the byte order of a VAX");
  StoredType stored;
  stored.dtype = dtype;
  stored.bytes = type.bytes;
  // Only for single bytes order does not matter.
  stored.big_endian = type.bytes > 1 && (type.flags & kBigEndian) != 0;
  return stored;
}

std::string bits_text(const Datatype& type) {
  return std::to_string(type.precision) + " bits at bit " + std::to_string(type.first_bit) +
         " of " + bytes_text(type.bytes);
}

DType integer_of(const Datatype& type, bool is_signed) {
  const std::uint64_t bytes = type.bytes;
  if (type.first_bit == 0 && type.precision == 8 * bytes) {
    if (bytes == 1) return is_signed ? DType::int8 : DType::uint8;
    if (bytes == 2) return is_signed ? DType::int16 : DType::uint16;
    if (bytes == 4) return is_signed ? DType::int32 : DType::uint32;
    if (bytes == 8) return is_signed ? DType::int64 : DType::uint64;
  }
  return DType::unknown;
}

StoredType integer(const Datatype& type) {
  const bool is_signed = (type.flags & kSigned) != 0;
  DType dtype = integer_of(type, is_signed);
  if (type.bytes == 1 && type.first_bit == 0) {
    if (type.precision == 2) dtype = is_signed ? DType::int2 : DType::uint2;
    if (type.precision == 4) dtype = is_signed ? DType::int4 : DType::uint4;
  }
  if (dtype == DType::unknown) unsupported("an integer of " + bits_text(type));
  return number(type, dtype);
}

// Only an enumeration says that bits are a truth: HDF5.jl writes Bool so, others eight flags.
StoredType bit_field(const Datatype& type) {
  const DType dtype = integer_of(type, false);
  if (dtype == DType::unknown) unsupported("a bit field of " + bits_text(type));
  return number(type, dtype);
}

struct FloatFields {
  std::uint64_t bytes;
  unsigned precision, sign, exponent, exponent_bits, mantissa, mantissa_bits, bias;
  bool leading_one_left_out = true;
  bool operator==(const FloatFields&) const = default;
};

struct KnownFloat {
  DType dtype;
  FloatFields fields;
};

constexpr std::array kFloats{
    KnownFloat{DType::float16, {2, 16, 15, 10, 5, 0, 10, 15}},
    KnownFloat{DType::bfloat16, {2, 16, 15, 7, 8, 0, 7, 127}},
    KnownFloat{DType::float8_e5m2, {1, 8, 7, 2, 5, 0, 2, 15}},
    KnownFloat{DType::float32, {4, 32, 31, 23, 8, 0, 23, 127}},
    KnownFloat{DType::float64, {8, 64, 63, 52, 11, 0, 52, 1023}},
    KnownFloat{DType::longdouble, {16, 80, 79, 64, 15, 0, 64, 16383, false}},
};

StoredType floating(const Datatype& type) {
  // Of the leading one: 0: stored, 1: always set, 2: left out.
  const unsigned leading_one = type.flags >> 4 & 3;
  const FloatFields fields{type.bytes,         type.precision,     type.flags >> 8 & 0xff,
                           type.exponent,      type.exponent_bits, type.mantissa,
                           type.mantissa_bits, type.bias,          leading_one == 2};
  for (const KnownFloat& known : kFloats) {
    if (known.fields != fields || type.first_bit != 0 || leading_one == 1) continue;
    StoredType stored = number(type, known.dtype);
    if (stored.big_endian && known.dtype == DType::longdouble) break;
    return stored;
  }
  unsupported("a float of " + bytes_text(type.bytes) + " with " +
              std::to_string(type.exponent_bits) + " bits of exponent, bias " +
              std::to_string(type.bias) + ", and " + std::to_string(type.mantissa_bits) +
              " of mantissa");
}

StoredType complex_of(const Datatype& part) {
  if (part.kind != Class::real) unsupported("a complex number of parts that are not floats");
  StoredType stored = floating(part);
  if (stored.dtype == DType::float32) {
    stored.dtype = DType::complex64;
  } else if (stored.dtype == DType::float64) {
    stored.dtype = DType::complex128;
  } else {
    unsupported("a complex number of " + std::string(to_string(stored.dtype)));
  }
  stored.bytes *= 2;
  return stored;
}

bool same_type(const Datatype& a, const Datatype& b) {
  const auto fields = [](const Datatype& type) {
    return std::tuple(type.kind, type.flags, type.bytes, type.first_bit, type.precision,
                      type.exponent, type.exponent_bits, type.mantissa, type.mantissa_bits,
                      type.bias);
  };
  return fields(a) == fields(b);
}

StoredType compound(const Datatype& type) {
  constexpr std::array<std::array<std::string_view, 2>, 3> kNames{
      {{"r", "i"}, {"real", "imag"}, {"re", "im"}}};
  if (type.members.size() != 2) unsupported("a compound");
  const Datatype::Member &real = type.members[0], &imaginary = type.members[1];
  const bool known = std::any_of(kNames.begin(), kNames.end(), [&](const auto& pair) {
    return real.name == pair[0] && imaginary.name == pair[1];
  });
  if (!known)
    unsupported("a compound of " + printable(real.name) + " and " + printable(imaginary.name));
  StoredType stored = complex_of(type.parts[0]);
  if (!same_type(type.parts[0], type.parts[1]))
    unsupported("a complex number of parts that differ");
  if (stored.bytes != type.bytes || real.offset != 0 || imaginary.offset != type.parts[0].bytes)
    unsupported("a complex number with gaps");
  return stored;
}

StoredType native_complex(const Datatype& type) {
  constexpr unsigned kOneType = 1, kForm = 6;
  if ((type.flags & kOneType) == 0 || (type.flags & kForm) != 0)
    unsupported("a complex number of a form that is not known");
  StoredType stored = complex_of(type.parts[0]);
  if (stored.bytes != type.bytes) unsupported("a complex number with gaps");
  return stored;
}

std::uint64_t value_of(std::string_view stored, bool big_endian) {
  std::string bytes(stored);
  if (big_endian) std::reverse(bytes.begin(), bytes.end());
  return little_endian(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size());
}

std::string names_of(const Datatype& type, const StoredType& values) {
  std::string text = "{";
  const bool is_signed = (type.parts[0].flags & kSigned) != 0;
  const unsigned unused = 64 - type.parts[0].precision;
  for (const Datatype::Member& member : type.members) {
    const std::uint64_t bits = value_of(member.value, values.big_endian) << unused;
    if (text.size() > 1) text += ',';
    append_json_string(text, is_utf8(member.name) ? member.name : printable(member.name));
    text += ':';
    text += is_signed ? std::to_string(static_cast<std::int64_t>(bits) >> unused)
                      : std::to_string(bits >> unused);
  }
  return text += '}';
}

StoredType enumeration(const Datatype& type) {
  const Datatype& base = type.parts[0];
  if (is_bool(type)) {
    StoredType stored;
    stored.dtype = DType::boolean;
    stored.bytes = 1;
    return stored;
  }
  if (base.kind != Class::integer) unsupported("an enumeration of something else than integers");
  StoredType stored = integer(base);
  stored.names = names_of(type, stored);
  return stored;
}

StoredType text(const Datatype& type) {
  const unsigned padding = type.flags & 0xf, charset = type.flags >> 4 & 0xf;
  if (padding > static_cast<unsigned>(TextPadding::spaces) || charset > 1)
    unsupported("text in a padding or a character set that is not known");
  StoredType stored;
  stored.form = StoredType::Form::fixed_text;
  stored.dtype = DType::string;
  stored.bytes = type.bytes;
  stored.padding = static_cast<TextPadding>(padding);
  return stored;
}

StoredType rows(const Datatype& type) {
  constexpr std::uint64_t kReference = 16;
  const Datatype& base = type.parts[0];
  StoredType stored;
  stored.ends_at_nul = type.is_text_of_any_length();
  const bool bytes = base.kind == Class::integer && base.bytes == 1;
  if ((!bytes && !stored.ends_at_nul) || base.bytes != 1) unsupported("rows of variable length");
  if (type.bytes != kReference) unsupported("text whose references have no known size");
  stored.dtype = DType::string;
  stored.form = StoredType::Form::rows;
  stored.bytes = kReference;
  return stored;
}

StoredType array(const Datatype& type) {
  StoredType stored = stored_type(type.parts[0]);
  stored.extents.insert(stored.extents.begin(), type.extents.begin(), type.extents.end());
  return stored;
}

bool same_word(std::string_view text, std::string_view upper) {
  return text.size() == upper.size() &&
         std::equal(text.begin(), text.end(), upper.begin(), [](char a, char b) {
           return a == b || (a >= 'a' && a <= 'z' && a - 'a' + 'A' == b);
         });
}

}  // namespace

bool is_bool(const Datatype& type) {
  if (type.kind != Class::enumeration || type.bytes != 1 || type.members.size() != 2 ||
      type.parts[0].kind != Class::integer)
    return false;
  unsigned seen = 0;
  for (const Datatype::Member& member : type.members) {
    const auto value = static_cast<unsigned char>(member.value[0]);
    if (value > 1 || !same_word(member.name, value == 0 ? "FALSE" : "TRUE")) return false;
    seen |= 1u << value;
  }
  return seen == 3;
}

StoredType stored_type(const Datatype& type) {
  switch (type.kind) {
    case Class::integer:
      return integer(type);
    case Class::real:
      return floating(type);
    case Class::time:
      unsupported("a time");
    case Class::text:
      return text(type);
    case Class::bits:
      return bit_field(type);
    case Class::opaque: {
      StoredType stored;
      stored.form = StoredType::Form::opaque;
      stored.bytes = type.bytes;
      stored.tag = type.tag;
      return stored;
    }
    case Class::compound:
      return compound(type);
    case Class::reference:
      unsupported("a reference");
    case Class::enumeration:
      return enumeration(type);
    case Class::variable:
      return rows(type);
    case Class::array:
      return array(type);
    case Class::complex:
      return native_complex(type);
  }
  unsupported("of a class that is not known");
}

}  // namespace tensorferry::hdf5
