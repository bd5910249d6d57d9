#include "tensors.h"

#include <charconv>
#include <limits>
#include <span>
#include <utility>

#include "types.h"
#include "util/wire_numbers.h"

namespace tensorferry::onnx {
namespace {

constexpr std::uint32_t kFloatData = 4, kInt32Data = 5, kStringData = 6, kInt64Data = 7,
                        kDoubleData = 10, kUint64Data = 11;
constexpr std::uint64_t kMostEntries = 64, kMostEntryBytes = 64 * 1024;

[[noreturn]] void corrupt(std::string_view detail, std::string message) {
  throw Error(ErrorCode::corrupt, detail, std::move(message));
}

bool is_negative(std::uint64_t extent) { return extent >> 63 != 0; }

void add_dim(StoredTensor& tensor, std::uint64_t value, const Limits& limits) {
  if (is_negative(value)) tensor.negative_dim = true;
  if (tensor.dims.size() == limits.rank) {
    tensor.too_many_dims = true;
  } else {
    tensor.dims.push_back(value);
  }
}

void add_dims(StoredTensor& tensor, const wire::Field& field, const Limits& limits) {
  if (field.type == wire::Type::varint) return add_dim(tensor, field.value, limits);
  // Packed extents, which no writer makes but every parser takes: all of them at once.
  const wire::Numbers numbers(*tensor.message.file, tensor.message.offset,
                              tensor.message.offset + tensor.message.length, {1});
  tensor.dims.clear();
  if (numbers.count() > limits.rank) {
    tensor.too_many_dims = true;
    return;
  }
  tensor.dims.resize(numbers.count());
  numbers.read(*tensor.message.file, 0, std::as_writable_bytes(std::span(tensor.dims)));
  for (const std::uint64_t extent : tensor.dims)
    if (is_negative(extent)) tensor.negative_dim = true;
}

void add_entry(StoredTensor& tensor, FileCursor& cursor, const wire::Field& field) {
  std::string key, value;
  for_each_field(cursor, cursor.position() + field.value, [&](const wire::Field& part) {
    if (part.is(1, wire::Type::bytes)) key = take_text(cursor, part, kMostEntryBytes);
    if (part.is(2, wire::Type::bytes)) value = take_text(cursor, part, kMostEntryBytes);
  });
  if (tensor.where.size() == kMostEntries) corrupt("external_data", "too many entries");
  const auto [at, added] = tensor.where.emplace(key, value);
  if (!added) tensor.repeated_key = key;
}

void add_values(StoredTensor& tensor, const FileCursor& cursor, const wire::Field& field) {
  ValueRuns& values = tensor.values[field.number];
  if (field.type == wire::Type::bytes) {
    ++values.runs;
    values.bytes += field.value;
    values.position = cursor.position();
  } else {
    ++values.singles;
  }
}

wire::Type type_of_values(std::uint32_t number) {
  switch (number) {
    case kFloatData:
      return wire::Type::fixed32;
    case kDoubleData:
      return wire::Type::fixed64;
    case kStringData:
      return wire::Type::bytes;
    default:
      return wire::Type::varint;
  }
}

bool holds_values(const wire::Field& field) {
  const std::uint32_t number = field.number;
  return number >= kFloatData && number <= kUint64Data && number != 8 && number != 9 &&
         (is_bytes(field) || field.type == type_of_values(number));
}

/// Strict decimal digits, as onnxruntime demands.
std::uint64_t parse_number(const StoredTensor& stored, const char* key) {
  const auto found = stored.where.find(key);
  if (found == stored.where.end()) return 0;
  const std::string& text = found->second;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() ||
      value > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    corrupt("external_data",
            std::string(key) + " is \"" + printable(text) + "\", not a number in decimal digits");
  }
  return value;
}

/// Where the values of a type are when they are not raw.
struct TypedField {
  std::uint32_t number;
  wire::NumberField numbers;
  std::uint64_t count;  ///< of numbers
};

TypedField typed_field(DType dtype, std::uint64_t elements, std::uint64_t packed_bytes) {
  using wire::Type;
  const DTypeInfo& row = info(dtype);
  switch (dtype) {
    case DType::float32:
    case DType::complex64:
      return {kFloatData, {kFloatData, Type::fixed32, 4}, elements * (row.bytes / 4)};
    case DType::float64:
    case DType::complex128:
      return {kDoubleData, {kDoubleData, Type::fixed64, 8}, elements * (row.bytes / 8)};
    case DType::int64:
      return {kInt64Data, {kInt64Data, Type::varint, 8}, elements};
    case DType::uint64:
      return {kUint64Data, {kUint64Data, Type::varint, 8}, elements};
    case DType::uint32:
      return {kUint64Data, {kUint64Data, Type::varint, 4, false, 0, 0xffff'ffff}, elements};
    case DType::boolean:
      return {kInt32Data, {kInt32Data, Type::varint, 1, true}, elements};
    case DType::int32:
      return {kInt32Data, {kInt32Data, Type::varint, 4}, elements};
    default:
      break;
  }
  if (row.bits < 6)  // bytes of packed elements; some writers take them for signed ones
    return {kInt32Data, {kInt32Data, Type::varint, 1, false, -128, 255}, packed_bytes};
  std::int64_t least = 0, most = (std::int64_t{1} << row.bits) - 1;
  if (row.kind == DTypeKind::signed_integer) {
    least = -(std::int64_t{1} << (row.bits - 1));
    most = -least - 1;
  }
  return {kInt32Data, {kInt32Data, Type::varint, row.bytes, false, least, most}, elements};
}

class Description {
 public:
  Description(const StoredTensor& stored, ExternalFiles& files, Tensor& tensor)
      : stored_(stored), files_(files), tensor_(tensor) {}

  void describe() {
    set_type();
    elements_ = tensor_.elements();
    check_sources();
    Piece& piece = tensor_.stored.pieces.emplace_back();
    if (tensor_.dtype == DType::string) {
      piece.origin = strings();
    } else if (stored_.external) {
      piece.origin = external();
    } else if (bytes_ == 0) {
      piece.origin = FileRange{stored_.message.file, stored_.message.offset, 0};
    } else if (stored_.has_raw && stored_.raw.length > 0) {
      check_size(stored_.raw.length, "raw_data");
      piece.origin = stored_.raw;
    } else {
      piece.origin = typed();
    }
  }

 private:
  void set_type() {
    const ElementType* type = element_type_of_code(stored_.code);
    if (type != nullptr) tensor_.dtype = type->dtype;
    if (stored_.too_many_dims) {
      throw Error(ErrorCode::unsafe, "limit",
                  "more than " + std::to_string(stored_.dims.size()) + " dimensions");
    }
    if (stored_.negative_dim) corrupt("shape", "a negative dimension");
    tensor_.shape = stored_.dims;
    if (stored_.segment) {
      throw Error(ErrorCode::unsupported, "segment", "a segment of a tensor in several parts");
    }
    if (stored_.code == 0) corrupt("dtype", "no element type");
    if (type == nullptr) {
      throw Error(ErrorCode::unsupported, "dtype",
                  "the element type " + std::to_string(stored_.code) + " is not known");
    }
    tensor_.stored.codec = type->encoding.codec;
  }

  /// Elements in one place only.
  void check_sources() {
    const bool strings = tensor_.dtype == DType::string;
    if (!strings) {
      encoded_bytes(tensor_.dtype, Codec::plain, elements_);
      bytes_ = encoded_bytes(tensor_.dtype, tensor_.stored.codec, elements_);
    }
    if (stored_.location != 0 && stored_.location != 1) {
      throw Error(ErrorCode::unsupported, "data_location",
                  "the data_location " + std::to_string(stored_.location) + " is not known");
    }
    int sources = stored_.external ? 1 : 0;
    if (stored_.has_raw && stored_.raw.length > 0) ++sources;
    for (const ValueRuns& values : stored_.values)
      if (values.bytes > 0 || values.singles > 0 || (strings && values.runs > 0)) ++sources;
    if (sources > 1) {
      corrupt("values", "its elements stand in several fields, raw_data and typed ones");
    }
    if (strings && (stored_.external || stored_.has_raw)) {
      corrupt("values", "strings may stand in string_data only");
    }
    if (elements_ == 0 && sources > 0 && !stored_.external)
      corrupt("values", "values of a tensor that has no elements");
    if (elements_ > 0 && sources == 0) {
      corrupt("values", "no values for " + std::to_string(elements_) + " elements");
    }
  }

  void check_size(std::uint64_t found, const char* where) const {
    if (found == bytes_) return;
    corrupt("size", std::string(where) + " has " + std::to_string(found) +
                        " bytes, type and shape take " + std::to_string(bytes_));
  }

  StringSource strings() const {
    const ValueRuns& values = stored_.values[kStringData];
    if (values.runs != elements_ || values.singles != 0) {
      corrupt("values", "holds " + std::to_string(values.runs) + " strings, its shape needs " +
                            std::to_string(elements_));
    }
    const std::uint64_t bytes =
        checked_add(checked_multiply(elements_, sizeof(std::string)), values.bytes);
    return {bytes, [message = stored_.message, elements = elements_] {
              return load_strings_of(message, kStringData, elements);
            }};
  }

  FileRange external() const {
    if (!stored_.repeated_key.empty()) {
      corrupt("external_data", "the key \"" + printable(stored_.repeated_key) + "\" stands twice");
    }
    const auto location = stored_.where.find("location");
    if (location == stored_.where.end()) corrupt("external_data", "no location");
    const std::uint64_t offset = parse_number(stored_, "offset");
    const std::uint64_t length = parse_number(stored_, "length");
    if (length != 0) check_size(length, "the external data");
    return {files_.open(location->second), offset, bytes_};
  }

  FileRange typed() {
    TypedField field = typed_field(tensor_.dtype, elements_, bytes_);
    if (info(tensor_.dtype).bits == 6) tensor_.stored.codec = Codec::plain;
    const ValueRuns& values = stored_.values[field.number];
    if (values.bytes == 0 && values.singles == 0)
      corrupt("values", "its elements stand in the field of another type");
    const std::uint64_t size = checked_multiply(field.count, field.numbers.width);
    if (field.numbers.type != wire::Type::varint && values.runs == 1 && values.singles == 0) {
      if (values.bytes != size) wrong_count(values.bytes / field.numbers.width, field.count);
      return {stored_.message.file, values.position, values.bytes};
    }
    // A number takes a byte at least.
    if (field.count > checked_add(values.bytes, values.singles))
      wrong_count(values.bytes + values.singles, field.count);
    const FileRange& message = stored_.message;
    return {wire::numbers_file(message.file, message.offset, message.offset + message.length,
                               field.numbers, field.count),
            0, size};
  }

  [[noreturn]] static void wrong_count(std::uint64_t most, std::uint64_t wanted) {
    corrupt("values", "holds at most " + std::to_string(most) + " values, its shape needs " +
                          std::to_string(wanted));
  }

  const StoredTensor& stored_;
  ExternalFiles& files_;
  Tensor& tensor_;
  std::uint64_t elements_ = 0, bytes_ = 0;
};

}  // namespace

StoredTensor read_tensor(const std::shared_ptr<const File>& file, FileCursor& cursor,
                         std::uint64_t end, const Limits& limits) {
  StoredTensor tensor;
  tensor.message = {file, cursor.position(), end - cursor.position()};
  bool packed_dims = false;
  for_each_field(cursor, end, [&](const wire::Field& field) {
    const bool varint = field.type == wire::Type::varint;
    if (field.number == 1 && (varint || is_bytes(field))) {
      if (packed_dims) return;
      packed_dims = !varint;
      add_dims(tensor, field, limits);
    } else if (field.number == 2 && varint) {
      tensor.code = static_cast<std::int32_t>(field.value);
    } else if (field.is(3, wire::Type::bytes)) {
      tensor.segment = true;
    } else if (field.is(8, wire::Type::bytes)) {
      tensor.name = take_text(cursor, field, limits.header_bytes);
    } else if (field.is(9, wire::Type::bytes)) {
      tensor.has_raw = true;
      tensor.raw = {file, cursor.position(), field.value};
    } else if (field.is(13, wire::Type::bytes)) {
      add_entry(tensor, cursor, field);
    } else if (field.number == 14 && varint) {
      tensor.location = static_cast<std::int64_t>(field.value);
      tensor.external = field.value == 1;
    } else if (holds_values(field)) {
      add_values(tensor, cursor, field);
    }
  });
  return tensor;
}

StoredTensor read_tensor(const FileRange& message, const Limits& limits) {
  const std::uint64_t end = message.offset + message.length;
  FileCursor cursor(*message.file, message.offset, end, 4096);
  return read_tensor(message.file, cursor, end, limits);
}

Shape sparse_shape(const FileRange& message, const Limits& limits) {
  const wire::Numbers numbers(*message.file, message.offset, message.offset + message.length, {3});
  if (numbers.count() > limits.rank) {
    throw Error(ErrorCode::unsafe, "limit",
                "more than " + std::to_string(limits.rank) + " dimensions");
  }
  Shape shape(numbers.count());
  numbers.read(*message.file, 0, std::as_writable_bytes(std::span(shape)));
  for (const std::uint64_t extent : shape)
    if (is_negative(extent)) corrupt("shape", "a negative dimension");
  return shape;
}

std::shared_ptr<const File> ExternalFiles::open(const std::string& location) {
  const auto [at, is_new] = opened_.try_emplace(location);
  Outcome& outcome = at->second;
  if (is_new) {
    try {
      outcome.file = input_.sibling(location);
    } catch (const Error& error) {
      outcome.problem = error;
    }
  }
  if (outcome.problem) throw Error(*outcome.problem);
  return outcome.file;
}

void describe(const StoredTensor& stored, ExternalFiles& files, Tensor& tensor) {
  Description(stored, files, tensor).describe();
}

}  // namespace tensorferry::onnx
