// The common typed representation: what tensors there are, what is wanted of them, where their
// bytes lie.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "tensorferry/dtype.h"
#include "tensorferry/error.h"
#include "tensorferry/export.h"
#include "tensorferry/input.h"

namespace TENSORFERRY_API tensorferry {

/// Metadata of a tensor or of a whole file: scalars only.
using AttributeValue = std::variant<std::string, std::int64_t, double, bool>;
using Attributes = std::map<std::string, AttributeValue>;

/// Something a person should know that is not an error.
struct Note {
  std::string id;    ///< stable and dotted, "tensorflow.stale_state_file"
  std::string text;  ///< one line
};

/// Bytes of a file.
struct FileRange {
  std::shared_ptr<const File> file;
  std::uint64_t offset = 0, length = 0;
};

/// How elements of dtype string are had. Loaded when they are asked for, so that listing reads no
/// payload.
struct StringSource {
  std::uint64_t bytes =
      0;  ///< what loading takes at most, in bytes; checked against memory limits first
  std::function<std::vector<std::string>()> load;  ///< row-major; thread-safe; verifies checksums
  std::string_view checked_by =
      {};  ///< the checksum that load() verifies, such as "crc32c"; empty = none
  /// Where they lie encoded, when that is one place; no file otherwise. For ordering, never read.
  FileRange place = {};
};

/// The same, a pointer wide: nearly all tensors have none.
class Strings {
 public:
  Strings(StringSource source) : source_(std::make_shared<const StringSource>(std::move(source))) {}
  const StringSource& operator*() const { return *source_; }
  const StringSource* operator->() const { return source_.get(); }

 private:
  std::shared_ptr<const StringSource> source_;  ///< never null
};

/// A checksum over the bytes of a FileRange as they lie in the file.
struct Checksum {
  enum class Kind : std::uint8_t {
    crc32c,  ///< Castagnoli's, as in TensorFlow's files
    sha256,
    crc32,  ///< of zip, gzip and PNG
  } kind;
  std::string value;  ///< raw bytes: 4 (most significant first) or 32
};

/// A part of a tensor: a box of elements with one origin.
struct Piece {
  std::variant<FileRange, Strings> origin;
  Shape start, extent;  ///< the box; both empty = the whole tensor
  std::vector<std::uint64_t>
      byte_strides;                  ///< of the stored elements, one a dimension; empty = row-major
  std::optional<Checksum> checksum;  ///< verified whenever the whole tensor is read
};

/// What a cast does with a value that the new dtype cannot hold: a number beyond its largest one,
/// an infinity or a NaN where it has none, an imaginary part.
enum class Overflow : std::uint8_t {
  fail,      ///< the conversion stops with Error(lossy.overflow), which lists all such tensors
  saturate,  ///< the nearest number that it holds; 0 for NaN
  infinity,  ///< an infinity, or else NaN, or else as saturate
};

/// How the bytes lie in the source.
struct Stored {
  DType dtype = DType::unknown;        ///< of the stored elements, when reading casts them to the
                                       ///< tensor's; unknown = the same
  Overflow overflow = Overflow::fail;  ///< of that cast
  std::endian order = std::endian::little;
  Codec codec = Codec::plain;
  std::vector<Piece> pieces;  ///< disjoint, together the whole tensor
};

/// Why a tensor that is listed cannot be read, if so. A pointer wide: nearly all tensors have none.
class Problem {
 public:
  Problem() = default;
  Problem(Error error) : error_(std::make_shared<const Error>(std::move(error))) {}
  explicit operator bool() const { return error_ != nullptr; }
  bool has_value() const { return error_ != nullptr; }
  const Error& operator*() const { return *error_; }
  const Error* operator->() const { return error_.get(); }

 private:
  std::shared_ptr<const Error> error_;
};

/// What a tensor is to the program that saved it. A reader that cannot tell says weight.
enum class Role : std::uint8_t {
  weight,     ///< state of the model: variables, moving means
  table,      ///< keys or values of a lookup table; state of the model, too
  optimizer,  ///< slots, hyperparameters and step of an optimizer
  counter,    ///< of saves or of training steps
  metric,     ///< sums behind a figure such as a mean loss
  iterator,   ///< where a reader of training data stands
  rng,        ///< a random number generator
  program,    ///< what else the program keeps, such as a Python object
  config,     ///< descriptions: object graphs, layers in JSON
};

/// "weight", "table" and so on, as listings write it.
std::string_view to_string(Role role);
/// Weights and tables; configuration, which describes them.
bool is_model_state(Role role);

// What nearly every step looks at comes first.
struct Tensor {
  std::string name;  ///< any bytes, unique in the manifest
  DType dtype = DType::unknown;
  Role role = Role::weight;
  bool bookkeeping = false;  ///< not a weight: object graphs, configuration, handles
  Shape shape;
  Stored stored;
  Problem problem;           ///< set: listed, but reading it throws this
  std::string renamed_from;  ///< its name in the source, when an edit has changed it
  Attributes attributes;

  /// Elements. Throws Error(corrupt) on overflow.
  std::uint64_t elements() const { return element_count(shape); }
  /// Bytes in the representation; for strings and opaque types the bytes of the origins.
  std::uint64_t bytes() const;
};

/// The dtype of the elements as they are stored.
inline DType stored_dtype(const Tensor& tensor) {
  return tensor.stored.dtype == DType::unknown ? tensor.dtype : tensor.stored.dtype;
}
/// The name in the source.
inline const std::string& source_name(const Tensor& tensor) {
  return tensor.renamed_from.empty() ? tensor.name : tensor.renamed_from;
}

/// An attribute of a tensor whose name ends so holds its name in one format ("tensorflow.key"),
/// which that format's writer uses again. An edit of the name drops it.
inline constexpr std::string_view key_suffix = ".key";

struct Manifest {
  std::vector<Tensor> tensors;
  Attributes attributes;
  std::vector<Note> notes;
  std::vector<std::shared_ptr<const File>> sources;  ///< every file that was opened; set by read()
  /// Attributes of tensors, text, that hold another name of theirs: select() and at() take that
  /// one, too.
  std::vector<std::string> name_attributes;

  /// The tensor of that name, or else the only one of which it is another name. Throws
  /// Error(usage.no_such_tensor) with the nearest names, Error(usage.ambiguous). Linear time.
  const Tensor& at(std::string_view name) const;
};

/// What a file may demand. Raised by the caller, never by a file.
struct Limits {
  std::uint64_t header_bytes = 100'000'000;  ///< of metadata that must be held in memory
  std::uint64_t tensors = 16'000'000;
  std::uint64_t rank = 255;
  std::uint64_t json_depth = 64;
  std::uint64_t string_bytes = std::uint64_t{1} << 30;  ///< of one tensor of strings held in memory
  std::uint64_t decoded_bytes =
      std::uint64_t{256} << 20;  ///< of decoded chunks that the source of one file keeps at most
};

/// The gate behind every reader: unique names, checked products, lengths that equal shape x dtype,
/// ranges inside their files, boxes disjoint and covering. A tensor that fails gets a problem;
/// duplicate names and exceeded limits throw.
void check(Manifest& manifest, const Limits& limits = {});

/// Edits change descriptions and touch no byte.
using Edit = std::function<Manifest(Manifest)>;

/// An attribute, text, of a string scalar that is bookkeeping: carry_bookkeeping() keeps its bytes
/// as the attribute of the manifest that the value names, so that formats without such tensors
/// carry them.
inline constexpr const char* carry_as_attribute = "tensorferry.carry_as";

/// Which tensors are meant. Exclude beats include; `scope` X means X itself and X/... from the
/// start of the name. A tensor is matched by its name and by its other names
/// (Manifest::name_attributes).
struct Selection {
  std::vector<std::string> include = {},
                           exclude =
                               {};  ///< globs over the whole name, `*` crosses `/`; or expressions
  std::vector<std::string> scope = {};
  bool regex =
      false;  ///< include and exclude are regular expressions (ECMAScript) that match somewhere
  bool exclude_optimizer = false;  ///< then exclude_optimizer() as well
};

/// Keeps the selected tensors. Patterns and scopes that meet no tensor are noted, with what may
/// have been meant. Throws Error(usage) for a malformed expression.
Edit select(Selection selection);
/// Those notes as one text, each behind a line end: the reason why a selection left nothing.
std::string unmet_selections(const Manifest& manifest);
/// Drops what is not state of the model by its role (is_model_state), with a note that names it.
Edit exclude_optimizer();
/// Keeps the bytes of bookkeeping that is to be carried (carry_as_attribute) as attributes of the
/// manifest, each at most `limits.header_bytes`; what cannot be read is noted and not carried.
Edit carry_bookkeeping(const Limits& limits = {});
/// Drops what is bookkeeping, with a note that names it.
Edit drop_bookkeeping();

}  // namespace tensorferry
