#include "v1_checkpoint.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bundle.h"
#include "dtypes.h"
#include "manifest_builder.h"
#include "record_table.h"
#include "slices.h"
#include "tensor_values.h"
#include "util/file_cursor.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::uint32_t kMeta = 1, kMetaTensor = 1, kMetaVersion = 2;
constexpr std::uint32_t kData = 2, kSliceData = 3;
constexpr std::uint64_t kStringOverhead = sizeof(std::string);

using TablePtr = std::shared_ptr<const RecordTable>;

/// A tensor as the headers of all files tell it.
struct Variable {
  struct Part {
    TablePtr table;
    Slice slice;
  };
  BundleEntry entry;  ///< of the first file
  std::vector<Part> parts;
  std::optional<Error> conflict;
};

Error malformed_header() { return Error(ErrorCode::corrupt, "header", "malformed header record"); }

/// Calls `visit(number, contents)` for each bytes field.
template <typename Visit>
void for_each_bytes(std::string_view message, Visit visit) {
  const bool whole = wire::for_each_field(
      message, [&](const wire::Field& field, std::string_view contents, std::string_view) {
        if (field.type == wire::Type::bytes) visit(field.number, contents);
      });
  if (!whole) throw malformed_header();
}

/// Where the TensorProto of a record is.
FileRange find_values(const RecordTable& table, const std::string& key) {
  const wire::MergedMessage data = wire::message_field(table.find(key), kData);
  if (!data.present()) throw Error(ErrorCode::corrupt, "record", "its record holds no values");
  const FileRange slice = data.range();
  const wire::MergedMessage values = wire::message_field(slice, kSliceData);
  return values.present() ? values.range() : FileRange{slice.file, slice.offset, 0};
}

/// The fewest bytes that an element can take in a record.
std::uint64_t least_bytes(DType dtype, const ValueField& field) {
  if (dtype == DType::string) return 2;
  return field.type == wire::Type::varint ? 1 : info(dtype).bytes;
}

class V1Builder {
 public:
  V1Builder(const Resolved& resolved, const Limits& limits)
      : resolved_(resolved), limits_(limits) {}

  Manifest build() {
    for (const auto& file : resolved_.members) {
      try {
        add_member(file);
      } catch (const Error& error) {
        throw error.in_file(file->name());
      }
    }
    manifest_.notes = resolved_.notes;
    manifest_.attributes["tensorflow.format"] = std::string("v1");
    manifest_.attributes["tensorflow.num_shards"] =
        static_cast<std::int64_t>(resolved_.members.size() + resolved_.missing.size());
    manifest_.attributes["tensorflow.producer"] = std::int64_t{producer_};
    manifest_.tensors.reserve(variables_.size() + resolved_.missing.size());
    for (const auto& [name, variable] : variables_) {
      Tensor& tensor = manifest_.tensors.emplace_back();
      tensor.name = name;
      try {
        fill(tensor, variable);
      } catch (const Error& error) {
        tensor.stored.pieces.clear();
        tensor.problem = error.in_file(resolved_.members.front()->name()).in_tensor(name);
      }
    }
    for (const std::string& name : resolved_.missing)
      manifest_.tensors.push_back(missing_file(name));
    return std::move(manifest_);
  }

 private:
  void add_member(const std::shared_ptr<const File>& file) {
    auto table = std::make_shared<const RecordTable>(file, limits_);
    const FileRange header = table->find("");
    if (header.length > limits_.header_bytes) {
      throw Error(ErrorCode::unsafe, "limit",
                  "a header of " + std::to_string(header.length) + " bytes exceeds the limit of " +
                      std::to_string(limits_.header_bytes));
    }
    const std::string record = header.file->read_string(header.offset, header.length);
    std::string version;
    bool any = false;
    for_each_bytes(record, [&](std::uint32_t number, std::string_view meta) {
      if (number != kMeta) return;
      any = true;
      for_each_bytes(meta, [&](std::uint32_t field, std::string_view contents) {
        if (field == kMetaTensor) add_tensor(table, contents);
        if (field == kMetaVersion) version += contents;
      });
    });
    if (!any) throw Error(ErrorCode::corrupt, "header", "no header in the first record");
    producer_ = std::max(producer_, parse_version(version));
  }

  void add_tensor(const TablePtr& table, std::string_view message) {
    SavedSliceMeta meta = parse_slice_meta(message);
    if (variables_.size() >= limits_.tensors) {
      throw Error(ErrorCode::unsafe, "limit",
                  "more tensors than the limit of " + std::to_string(limits_.tensors));
    }
    const auto [place, is_new] = variables_.try_emplace(std::move(meta.name));
    Variable& variable = place->second;
    for (Slice& slice : meta.entry.slices) variable.parts.push_back({table, std::move(slice)});
    meta.entry.slices.clear();
    if (is_new) {
      variable.entry = std::move(meta.entry);
    } else if (variable.entry.dtype_code != meta.entry.dtype_code ||
               variable.entry.dims != meta.entry.dims) {
      variable.conflict =
          Error(ErrorCode::corrupt, "header", "described twice, with different dtypes or shapes")
              .in_file(table->file()->name());
    }
  }

  void fill(Tensor& tensor, const Variable& variable) {
    tensor.dtype = dtype_of_code(variable.entry.dtype_code);
    tensor.bookkeeping = tensor.dtype == DType::variant || tensor.dtype == DType::resource;
    tensor.shape = shape_of(variable.entry, limits_.rank);
    check_dtype(variable.entry.dtype_code);
    if (variable.conflict) throw Error(*variable.conflict);
    std::vector<Box> boxes;
    for (const Variable::Part& part : variable.parts) {
      Box box = box_of(part.slice, tensor.shape);
      if (element_count(box.extent) != 0) {
        Piece piece = piece_of(tensor, part, box);
        if (box.extent != tensor.shape) {
          piece.start = box.start;
          piece.extent = box.extent;
        }
        tensor.stored.pieces.push_back(std::move(piece));
      }
      boxes.push_back(std::move(box));
    }
    check_parts(boxes, tensor.shape);
    if (tensor.stored.pieces.empty()) tensor.stored.pieces.push_back(empty_piece(tensor.dtype));
  }

  /// Slices that are not there may be in a file that is not there.
  void check_parts(const std::vector<Box>& boxes, const Shape& shape) const {
    try {
      check_cover(boxes, shape);
    } catch (const Error& error) {
      if (resolved_.missing.empty()) throw;
      throw Error(ErrorCode::input, "missing",
                  "a file that may hold the rest of it is missing; " + error.message())
          .in_file(resolved_.missing.front());
    }
  }

  Piece piece_of(const Tensor& tensor, const Variable::Part& part, const Box& box) const {
    const std::uint64_t elements = element_count(box.extent);
    const ValueField field = value_field(tensor.dtype);
    const std::string key = encode_slice_key(tensor.name, part.slice);
    const auto stored = part.table->stored_bytes(key);
    if (!stored) {
      throw Error(ErrorCode::corrupt, "record", "its record is not in the file")
          .in_file(part.table->file()->name());
    }
    const std::uint64_t most = RecordTable::most_bytes(*stored);
    if (elements > most / least_bytes(tensor.dtype, field)) {
      throw Error(ErrorCode::corrupt, "size",
                  std::to_string(elements) + " elements in a record of at most " +
                      std::to_string(most) + " bytes")
          .in_file(part.table->file()->name());
    }
    auto locate = [table = part.table, key] { return find_values(*table, key); };
    Piece piece;
    if (tensor.dtype == DType::string) {
      piece.origin = StringSource{
          *stored + elements * kStringOverhead, [locate, elements, file = part.table->file()] {
            try {
              return load_string_values(locate(), elements, ValueCount::exact);
            } catch (const Error& error) {
              throw error.in_file(file->name());
            }
          }};
      return piece;
    }
    auto file = values_file(part.table->file(), tensor.dtype, field, elements, ValueCount::exact,
                            std::move(locate));
    const std::uint64_t length = file->size();
    piece.origin = FileRange{std::move(file), 0, length};
    return piece;
  }

  const Resolved& resolved_;
  const Limits& limits_;
  std::map<std::string, Variable> variables_;
  std::int32_t producer_ = 0;
  Manifest manifest_;
};

}  // namespace

Manifest read_v1(const Resolved& resolved, const Limits& limits) {
  return V1Builder(resolved, limits).build();
}

}  // namespace tensorferry::tensorflow
