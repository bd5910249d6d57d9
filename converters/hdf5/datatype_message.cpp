#include "datatype_message.h"

#include <algorithm>
#include <bit>

#include "message_cursor.h"

namespace tensorferry::hdf5 {
namespace {

constexpr unsigned kMostDepth = 16, kNewest = 5;
constexpr std::size_t kNameUnit = 8;

// How the library writes a number that is at most `most`.
std::size_t bytes_for(std::uint64_t most) {
  return (static_cast<std::size_t>(std::bit_width(std::max<std::uint64_t>(most, 1))) - 1) / 8 + 1;
}

class Parser {
 public:
  explicit Parser(std::string_view message) : size_(message.size()), cursor_(message) {}

  Datatype parse(unsigned depth) {
    if (depth > kMostDepth) refuse_header("has a type that is nested too deeply");
    Datatype type;
    type.begin = at();
    const auto front = static_cast<unsigned>(cursor_.number(1));
    type.version = front >> 4;
    const unsigned kind = front & 0xf;
    if (type.version == 0) refuse_header("has a type of version 0");
    if (type.version > kNewest || kind > static_cast<unsigned>(Datatype::Class::complex)) {
      throw Error(ErrorCode::unsupported, "hdf5_version",
                  "its HDF5 type is of class " + std::to_string(kind) + ", version " +
                      std::to_string(type.version) + ", which is newer than this program");
    }
    type.kind = static_cast<Datatype::Class>(kind);
    type.flags = static_cast<std::uint32_t>(cursor_.number(3));
    type.bytes = cursor_.number(4);
    if (type.bytes == 0) refuse_header("has a type without bytes");
    take_properties(type, depth);
    type.end = at();
    return type;
  }

 private:
  std::size_t at() const { return size_ - cursor_.left(); }
  unsigned small(std::size_t bytes) { return static_cast<unsigned>(cursor_.number(bytes)); }

  void take_properties(Datatype& type, unsigned depth) {
    switch (type.kind) {
      case Datatype::Class::integer:
      case Datatype::Class::bits:
        return take_bits(type);
      case Datatype::Class::real:
        return take_float(type);
      case Datatype::Class::time:
        type.precision = small(2);
        return;
      case Datatype::Class::text:
      case Datatype::Class::reference:
        return;
      case Datatype::Class::opaque:
        type.tag = cursor_.take(type.flags & 0xff);
        type.tag.resize(std::min(type.tag.find('\0'), type.tag.size()));
        return;
      case Datatype::Class::compound:
        return take_compound(type, depth);
      case Datatype::Class::enumeration:
        return take_enumeration(type, depth);
      case Datatype::Class::array:
        return take_array(type, depth);
      case Datatype::Class::variable:
      case Datatype::Class::complex:
        type.parts.push_back(parse(depth + 1));
        return;
    }
  }

  void take_bits(Datatype& type) {
    type.first_bit = small(2);
    type.precision = small(2);
    const std::uint64_t end = std::uint64_t{type.first_bit} + type.precision;
    if (type.precision == 0 || end > 8 * type.bytes)
      refuse_header("has a type with more bits than its bytes hold");
  }

  void take_float(Datatype& type) {
    take_bits(type);
    type.exponent = small(1);
    type.exponent_bits = small(1);
    type.mantissa = small(1);
    type.mantissa_bits = small(1);
    type.bias = small(4);
  }

  std::string name(unsigned version) {
    const std::string_view rest = cursor_.rest();
    const std::size_t length = rest.find('\0');
    if (length == std::string_view::npos) refuse_header("has a name that is cut off");
    cursor_.take(version < 3 ? (length / kNameUnit + 1) * kNameUnit : length + 1);
    return std::string(rest.substr(0, length));
  }

  void take_compound(Datatype& type, unsigned depth) {
    const unsigned members = type.flags & 0xffff;
    if (members == 0) refuse_header("has a compound without members");
    for (unsigned i = 0; i < members; ++i) {
      Datatype::Member member{name(type.version), 0, {}};
      member.offset = cursor_.number(type.version < 3 ? 4 : bytes_for(type.bytes));
      Shape extents;
      if (type.version == 1) {
        const unsigned rank = small(1);
        if (rank > 4) refuse_header("has a member of a compound with more than 4 dimensions");
        cursor_.take(11);
        for (unsigned axis = 0; axis < 4; ++axis) {
          const std::uint64_t extent = cursor_.number(4);
          if (axis < rank) extents.push_back(extent);
        }
      }
      Datatype part = parse(depth + 1);
      // As later versions say it.
      if (!extents.empty()) part = array_of(std::move(extents), std::move(part));
      if (member.offset > type.bytes || part.bytes > type.bytes - member.offset)
        refuse_header("has a member of a compound that lies outside it");
      type.members.push_back(std::move(member));
      type.parts.push_back(std::move(part));
    }
  }

  void take_enumeration(Datatype& type, unsigned depth) {
    type.parts.push_back(parse(depth + 1));
    if (type.parts.front().bytes != type.bytes)
      refuse_header("has an enumeration of another size than its values");
    type.members.resize(type.flags & 0xffff);
    for (Datatype::Member& member : type.members) member.name = name(type.version);
    for (Datatype::Member& member : type.members) member.value = cursor_.take(type.bytes);
  }

  static Datatype array_of(Shape extents, Datatype part) {
    Datatype type;
    type.kind = Datatype::Class::array;
    type.begin = part.begin;
    type.end = part.end;
    type.bytes = checked_multiply(element_count(extents), part.bytes);
    type.extents = std::move(extents);
    type.parts.push_back(std::move(part));
    return type;
  }

  void take_array(Datatype& type, unsigned depth) {
    const unsigned rank = small(1);
    if (rank == 0 || rank > 32) refuse_header("has an array of no known rank");
    if (type.version < 3) cursor_.take(3);
    for (unsigned axis = 0; axis < rank; ++axis) {
      type.extents.push_back(cursor_.number(4));
      if (type.extents.back() == 0) refuse_header("has an array without elements in its type");
    }
    if (type.version < 3) cursor_.take(std::uint64_t{4} * rank);
    type.parts.push_back(parse(depth + 1));
    if (checked_multiply(element_count(type.extents), type.parts.front().bytes) != type.bytes)
      refuse_header("has an array of another size than its elements");
  }

  std::size_t size_;
  MessageCursor cursor_;
};

}  // namespace

bool Datatype::has_references() const {
  return kind == Class::variable || kind == Class::reference ||
         std::any_of(parts.begin(), parts.end(),
                     [](const Datatype& part) { return part.has_references(); });
}

Datatype parse_datatype(std::string_view message) { return Parser(message).parse(0); }

}  // namespace tensorferry::hdf5
