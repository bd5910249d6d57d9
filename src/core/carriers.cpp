#include "core/carriers.h"

#include <algorithm>
#include <utility>

namespace tensorferry {
namespace {

/// The innermost dimension that a carrier adds; 0 = none.
std::uint64_t added_extent(Carrier carrier) {
  if (carrier == Carrier::last2) return 2;
  if (carrier == Carrier::last16) return 16;
  return 0;
}

bool is_one_byte(DType dtype) { return info(dtype).bytes == 1; }

bool fits(DType stored, const Carried& tag) {
  const DTypeInfo& row = info(tag.dtype);
  switch (tag.carrier) {
    case Carrier::sign_extended:
      return stored == DType::int8 && row.kind == DTypeKind::signed_integer && row.bits < 8;
    case Carrier::codes:
      return is_one_byte(stored) && is_one_byte(tag.dtype);
    case Carrier::bits:
      return is_fixed_size(stored) && row.bytes == info(stored).bytes &&
             row.component_bytes == info(stored).component_bytes;
    case Carrier::last2:
      return is_fixed_size(stored) && row.kind == DTypeKind::complex &&
             row.component_bytes == info(stored).bytes;
    case Carrier::last16:
      return is_one_byte(stored) && row.bytes == 16;
    case Carrier::native:
    case Carrier::string_pair:
      break;
  }
  return false;
}

/// Takes the innermost dimension off a piece; false when it does not lie as one element.
bool drop_innermost(Piece& piece, std::uint64_t extent, std::uint64_t component_bytes) {
  if (!piece.byte_strides.empty()) {
    if (piece.byte_strides.back() != component_bytes) return false;
    piece.byte_strides.pop_back();
  }
  if (piece.start.empty() && piece.extent.empty()) return true;
  if (piece.start.empty() || piece.start.back() != 0 || piece.extent.back() != extent) return false;
  piece.start.pop_back();
  piece.extent.pop_back();
  return true;
}

}  // namespace

std::optional<Encoding> integer_carrier(DType dtype) {
  switch (dtype) {
    case DType::int2:
    case DType::int4:
      return Encoding{DType::int8, Carrier::sign_extended, Codec::sign_extended};
    case DType::uint2:
    case DType::uint4:
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
    default:
      return std::nullopt;
  }
}

std::optional<Carrier> carrier_from_text(std::string_view text) {
  for (Carrier carrier : {Carrier::native, Carrier::sign_extended, Carrier::codes, Carrier::bits,
                          Carrier::last2, Carrier::last16, Carrier::string_pair}) {
    if (to_string(carrier) == text) return carrier;
  }
  return std::nullopt;
}

Shape carried_shape(Carrier carrier, const Shape& shape) {
  Shape stored = shape;
  if (const std::uint64_t extent = added_extent(carrier); extent != 0) stored.push_back(extent);
  return stored;
}

std::size_t carried_rank(Carrier carrier, const Shape& shape) {
  return shape.size() + (added_extent(carrier) != 0 ? 1 : 0);
}

std::string restore_carried(Tensor& tensor, const Carried& tag) {
  if (tensor.problem) return {};
  const std::string what = std::string(to_string(tag.dtype)) + " " + to_string(tag.shape) +
                           " carried as " + std::string(to_string(tag.carrier));
  if (!fits(tensor.dtype, tag) || tensor.shape != carried_shape(tag.carrier, tag.shape)) {
    return "the tag says " + what + ", stored is " + std::string(to_string(tensor.dtype)) + " " +
           to_string(tensor.shape);
  }
  const std::uint64_t extent = added_extent(tag.carrier);
  Stored stored = tensor.stored;
  if (extent != 0) {
    const std::uint32_t component = info(tensor.dtype).bytes;
    for (Piece& piece : stored.pieces) {
      if (!drop_innermost(piece, extent, component)) {
        return "the tag says " + what + ", but the parts of an element lie apart";
      }
    }
  }
  if (tag.carrier == Carrier::sign_extended) stored.codec = Codec::sign_extended;
  tensor.dtype = tag.dtype;
  tensor.shape = tag.shape;
  tensor.stored = std::move(stored);
  return {};
}

}  // namespace tensorferry
