// The value of a key, field by field: an index has one for each tensor, and the message classes
// take many times as long for it (schemas/tensorflow/tensor_bundle.proto).
#include "bundle.h"
#include "encoding.h"
#include "util/wire.h"

namespace tensorferry::tensorflow {
namespace {

using wire::Field;
using wire::Type;

/// Calls `take` with each field of a message and its contents.
template <typename Take>
void take_fields(std::string_view message, Take take) {
  const bool whole =
      wire::for_each_field(message, [&](const Field& field, std::string_view contents,
                                        std::string_view) { take(field, contents); });
  if (!whole) throw Error(ErrorCode::corrupt, "entry", "malformed entry in the index");
}

bool is(const Field& field, std::uint32_t number, Type type) {
  return field.number == number && field.type == type;
}

void take_dim(std::string_view message, BundleEntry& entry) {
  std::int64_t size = 0;
  take_fields(message, [&](const Field& field, std::string_view) {
    if (is(field, 1, Type::varint)) size = static_cast<std::int64_t>(field.value);
  });
  entry.dims.push_back(size);
}

void take_shape(std::string_view message, BundleEntry& entry) {
  take_fields(message, [&](const Field& field, std::string_view contents) {
    if (is(field, 2, Type::bytes)) take_dim(contents, entry);
    if (is(field, 3, Type::varint)) entry.unknown_rank = field.value != 0;
  });
}

SliceExtent extent_of(std::string_view message) {
  SliceExtent extent{0, -1};
  take_fields(message, [&](const Field& field, std::string_view) {
    if (is(field, 1, Type::varint)) extent.start = static_cast<std::int64_t>(field.value);
    if (is(field, 2, Type::varint)) extent.length = static_cast<std::int64_t>(field.value);
  });
  return extent;
}

void take_slice(std::string_view message, BundleEntry& entry) {
  Slice& slice = entry.slices.emplace_back();
  take_fields(message, [&](const Field& field, std::string_view contents) {
    if (is(field, 1, Type::bytes)) slice.push_back(extent_of(contents));
  });
}

void take_number(const Field& field, BundleEntry& entry) {
  const auto value = static_cast<std::int64_t>(field.value);
  switch (field.number) {
    case 1:
      entry.dtype_code = static_cast<std::int32_t>(value);
      break;
    case 3:
      entry.shard = static_cast<std::int32_t>(value);
      break;
    case 4:
      entry.offset = value;
      break;
    case 5:
      entry.size = value;
      break;
    default:
      break;
  }
}

void clear(BundleEntry& entry) {
  entry.dtype_code = entry.shard = 0;
  entry.unknown_rank = false;
  entry.dims.clear();
  entry.offset = entry.size = 0;
  entry.masked_crc = 0;
  entry.slices.clear();
}

}  // namespace

void parse_entry(std::string_view value, std::uint64_t most_bytes, BundleEntry& entry) {
  if (value.size() > most_bytes) {
    throw Error(ErrorCode::unsafe, "limit",
                "its entry of " + std::to_string(value.size()) + " bytes exceeds the limit of " +
                    std::to_string(most_bytes));
  }
  clear(entry);
  take_fields(value, [&](const Field& field, std::string_view contents) {
    if (field.type == Type::varint) return take_number(field, entry);
    if (is(field, 2, Type::bytes)) take_shape(contents, entry);
    if (is(field, 6, Type::fixed32)) entry.masked_crc = load_little32(contents);
    if (is(field, 7, Type::bytes)) take_slice(contents, entry);
  });
}

}  // namespace tensorferry::tensorflow
