#include "graph.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "bundle.h"
#include "dtypes.h"
#include "encoding.h"
#include "graph_walk.h"
#include "manifest_builder.h"
#include "tensor_values.h"
#include "util/file_cursor.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::uint64_t kMostShapeBytes = 64 * 1024;
// A constant may be far larger than what is stored of it, since the last value repeats.
constexpr std::uint64_t kFreelyRepeated = std::uint64_t{4} << 30;
constexpr std::uint64_t kMostRepeated = 1000;
constexpr std::uint32_t kTensor = 8;  // of AttrValue

/// What a TensorProto says beside its values.
struct Description {
  std::int32_t dtype_code = 0;
  std::string shape;
  FileRange content;
  std::uint64_t strings = 0, last_string = 0;  ///< how many, and the length of the last
};

Description describe(const FileRange& message) {
  Description result;
  wire::MergedMessage shape;
  wire::for_each_field_of(message, [&](const FileCursor& cursor, const wire::Field& field) {
    if (field.is(1, wire::Type::varint)) result.dtype_code = static_cast<std::int32_t>(field.value);
    if (field.type != wire::Type::bytes) return;
    if (field.number == 2) shape.add(wire::contents(message, cursor, field));
    if (field.number == kTensorContent) result.content = wire::contents(message, cursor, field);
    if (field.number == kStringVal) {
      ++result.strings;
      result.last_string = field.value;
    }
  });
  if (!shape.present()) return result;
  const FileRange range = shape.range();
  if (range.length > kMostShapeBytes)
    throw Error(ErrorCode::corrupt, "shape", "a shape of too many bytes");
  result.shape = range.file->read_string(range.offset, range.length);
  return result;
}

/// The tensor of an AttrValue. Its fields 1 to 10 exclude each other: the last one counts, and the
/// occurrences that it has without another in between are merged.
wire::MergedMessage tensor_of(const FileRange& attribute) {
  using enum wire::Type;
  constexpr std::array kTypes = {bytes,  bytes, varint, fixed32, varint,
                                 varint, bytes, bytes,  bytes,   bytes};
  wire::MergedMessage tensor;
  wire::for_each_field_of(attribute, [&](const FileCursor& cursor, const wire::Field& field) {
    if (field.number > kTypes.size() || field.type != kTypes[field.number - 1]) return;
    if (field.number == kTensor)
      tensor.add(wire::contents(attribute, cursor, field));
    else
      tensor.clear();
  });
  return tensor;
}

/// Strings in tensor_content: as many varint lengths, then the bytes of all of them.
std::vector<std::string> load_packed_strings(const FileRange& content, std::uint64_t elements) {
  const auto fail = [&] {
    return Error(ErrorCode::corrupt, "values", "the lengths of its strings do not fit their bytes");
  };
  FileCursor cursor(*content.file, content.offset, content.offset + content.length);
  std::vector<std::uint64_t> lengths;
  lengths.reserve(elements);
  std::uint64_t total = 0;
  for (std::uint64_t i = 0; i < elements; ++i) {
    std::string_view seen = cursor.peek(10);
    const std::size_t before = seen.size();
    std::uint64_t length = 0;
    if (!take_varint(seen, length) || length > content.length - total) throw fail();
    cursor.skip(before - seen.size());
    lengths.push_back(length);
    total += length;
  }
  if (total != cursor.left()) throw fail();
  std::vector<std::string> strings;
  strings.reserve(elements);
  for (const std::uint64_t length : lengths) strings.push_back(cursor.take(length));
  return strings;
}

Piece string_piece(const FileRange& message, const Description& told, std::uint64_t elements) {
  std::uint64_t bytes = checked_multiply(elements, sizeof(std::string) + sizeof(std::uint64_t));
  bytes = checked_add(bytes, message.length);
  Piece piece;
  if (told.content.length != 0) {
    if (elements > told.content.length) {
      throw Error(ErrorCode::corrupt, "size",
                  std::to_string(elements) + " strings in " + std::to_string(told.content.length) +
                      " bytes");
    }
    piece.origin = StringSource{bytes, [content = told.content, elements] {
                                  return load_packed_strings(content, elements);
                                }};
    return piece;
  }
  if (elements > told.strings)
    bytes = checked_add(bytes, checked_multiply(elements - told.strings, told.last_string));
  piece.origin = StringSource{bytes, [message, elements] {
                                return load_string_values(message, elements, ValueCount::repeated);
                              }};
  return piece;
}

Piece number_piece(const FileRange& message, const Description& told, DType dtype,
                   std::uint64_t elements) {
  const std::uint64_t bytes = checked_multiply(elements, info(dtype).bytes);
  ValueField field = value_field(dtype);
  Piece piece;
  if (told.content.length != 0) {
    if (told.content.length != bytes) {
      throw Error(ErrorCode::corrupt, "size",
                  std::to_string(told.content.length) +
                      " bytes of content, its type and shape take " + std::to_string(bytes));
    }
    if (dtype != DType::boolean) {
      piece.origin = told.content;
      return piece;
    }
    field = {kTensorContent, wire::Type::bytes, 1};  // bools are checked
  } else if (bytes > kFreelyRepeated && bytes / kMostRepeated > message.length) {
    throw Error(ErrorCode::unsafe, "limit",
                std::to_string(bytes) + " bytes made of the " + std::to_string(message.length) +
                    " that are stored");
  }
  piece.origin = FileRange{values_file(message.file, dtype, field, elements, ValueCount::repeated,
                                       [message] { return message; }),
                           0, bytes};
  return piece;
}

class GraphReader {
 public:
  GraphReader(const std::shared_ptr<const File>& file, const Limits& limits)
      : file_(file), limits_(limits) {}

  Manifest read(GraphKind kind) {
    GraphWalk walk(file_, {[&](Node&& node) { add(std::move(node)); },
                           [&](std::string name) { end_function(std::move(name)); },
                           [&](const std::vector<std::string>& tags) { end_meta_graph(tags); }});
    walk.walk(kind);
    if (nodes_ == 0) throw Error(ErrorCode::corrupt, "graph", "not a graph: it has no node");
    end_function({});
    name_tensors();
    manifest_.attributes["tensorflow.format"] = std::string("graph");
    return std::move(manifest_);
  }

 private:
  /// What a constant is part of.
  struct Owner {
    std::string function;
    std::size_t meta_graph = 0;
  };

  void add(Node&& node) {
    ++nodes_;
    if (node.op != "Const") return;
    name_bytes_ += node.name.size();
    if (manifest_.tensors.size() >= limits_.tensors || name_bytes_ > limits_.header_bytes) {
      throw Error(ErrorCode::unsafe, "limit", "more constants or longer names than the limit");
    }
    Tensor& tensor = manifest_.tensors.emplace_back();
    tensor.name = std::move(node.name);
    try {
      if (!node.value.present())
        throw Error(ErrorCode::corrupt, "node", "a constant without a value");
      fill(tensor, node.value.range());
    } catch (const Error& error) {
      tensor.stored.pieces.clear();
      tensor.problem = error.in_file(file_->name());
    }
  }

  void fill(Tensor& tensor, const FileRange& attribute) {
    const wire::MergedMessage value = tensor_of(attribute);
    if (!value.present())
      throw Error(ErrorCode::corrupt, "node", "a constant whose value is no tensor");
    const FileRange message = value.range();
    const Description told = describe(message);
    tensor.dtype = dtype_of_code(told.dtype_code);
    tensor.bookkeeping = tensor.dtype == DType::variant || tensor.dtype == DType::resource;
    BundleEntry shape = parse_shape(told.dtype_code, told.shape);
    if (std::exchange(shape.unknown_rank, false)) shape.dims.clear();  // a scalar, to TensorFlow
    tensor.shape = shape_of(shape, limits_.rank);
    check_dtype(told.dtype_code);
    const std::uint64_t elements = element_count(tensor.shape);
    const bool strings = tensor.dtype == DType::string;
    tensor.stored.pieces.push_back(elements == 0 ? empty_piece(tensor.dtype)
                                   : strings     ? string_piece(message, told, elements)
                                             : number_piece(message, told, tensor.dtype, elements));
  }

  void end_function(std::string name) {
    owners_.resize(manifest_.tensors.size(), {std::move(name), tags_.size()});
  }

  void end_meta_graph(const std::vector<std::string>& tags) {
    end_function({});
    std::string text;
    for (const std::string& tag : tags) text += (text.empty() ? "" : "+") + tag;
    if (std::find(tags_.begin(), tags_.end(), text) != tags_.end())
      text += "#" + std::to_string(tags_.size());
    tags_.push_back(std::move(text));
  }

  void name_tensors() {
    std::unordered_set<std::string> taken;
    for (std::size_t i = 0; i < manifest_.tensors.size(); ++i) {
      Tensor& tensor = manifest_.tensors[i];
      const Owner& owner = owners_[i];
      const std::string graph = tags_.size() > 1 ? tags_[owner.meta_graph] + "/" : "";
      std::string name = graph + (owner.function.empty() ? "" : owner.function + "/") + tensor.name;
      // A node may be called as a node of a function is, but no node has an @ in its name.
      if (!owner.function.empty() && taken.contains(name))
        name = graph + tensor.name + "@" + owner.function;
      taken.insert(name);
      tensor.name = std::move(name);
      if (tensor.problem) tensor.problem = tensor.problem->in_tensor(tensor.name);
    }
  }

  std::shared_ptr<const File> file_;
  const Limits& limits_;
  Manifest manifest_;
  std::vector<Owner> owners_;
  std::vector<std::string> tags_;  ///< of the meta graphs that are complete
  std::uint64_t nodes_ = 0, name_bytes_ = 0;
};

}  // namespace

Manifest read_graph(const std::shared_ptr<const File>& file, GraphKind kind, const Limits& limits) {
  try {
    return GraphReader(file, limits).read(kind);
  } catch (const Error& error) {
    throw error.in_file(file->name());
  }
}

bool has_variables(const std::shared_ptr<const File>& file) {
  bool found = false;
  GraphWalk walk(file, {[&](Node&& node) {
                          found = found || node.op == "VarHandleOp" || node.op == "VariableV2" ||
                                  node.op == "Variable";
                        },
                        {},
                        {}});
  try {
    walk.walk(GraphKind::saved_model);
  } catch (const Error& error) {
    throw error.in_file(file->name());
  }
  return found;
}

}  // namespace tensorferry::tensorflow
