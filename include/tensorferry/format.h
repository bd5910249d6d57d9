// What a format is, and the registry of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/dtype.h"
#include "tensorferry/export.h"
#include "tensorferry/input.h"
#include "tensorferry/layout.h"
#include "tensorferry/manifest.h"

namespace TENSORFERRY_API tensorferry {

/// One option that a reader or writer understands (`--in-opt NAME=VALUE`, `--out-opt NAME=VALUE`).
struct OptionSpec {
  enum class Kind : std::uint8_t { text, integer, boolean, bytes, choice };
  std::string_view name;
  Kind kind;
  std::string_view fallback;  ///< the default as text; empty = not set
  std::string_view help;
  std::vector<std::string_view> choices = {};  ///< of Kind::choice
};

/// Parsed and type-checked options of one reader or writer.
class Options {
 public:
  Options() = default;
  /// Throws Error(usage.unknown_option) with the nearest match, Error(usage.bad_option) for a value
  /// of the wrong kind.
  Options(std::span<const OptionSpec> specs, const std::map<std::string, std::string>& given);

  bool given(std::string_view name) const;  ///< set by the user or by a default
  std::string text(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  bool boolean(std::string_view name) const;
  std::uint64_t bytes(std::string_view name) const;  ///< "4096", "64K", "1.8G"

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

/// What a person writes for an amount of bytes: digits with an optional K, M, G or T (powers of
/// 1024).
std::uint64_t parse_bytes(std::string_view text);

/// How sure a probe is.
enum class Match : std::uint8_t {
  no,
  container,  ///< a general format (HDF5, zip) that a more specific one may stand on
  exact,
  broken,  ///< a folder that is meant to be of this format and cannot be read as it stands: the
           ///< reader says why
};

/// How a format holds a dtype that it has no native type for.
enum class Carrier : std::uint8_t {
  native,
  sign_extended,  ///< a sub-byte integer as an int8
  codes,          ///< one byte an element, the bit pattern in the low bits
  bits,           ///< the same bits under another type of the same width
  last2,          ///< two components in one more, innermost dimension of 2
  last16,         ///< the bytes in one more, innermost dimension of 16
  string_pair,    ///< NAME#bytes and NAME#offsets; made by the plan before the writer lays out
};

/// "native", "sx", "codes", "bits", "last2", "last16", "strpair": as tags and listings write it.
std::string_view to_string(Carrier carrier);

struct Encoding {
  DType dtype;                        ///< the type that the format is told
  Carrier carrier = Carrier::native;  ///< not native: the writer records the logical dtype in its
                                      ///< metadata channel
  Codec codec = Codec::plain;
};

/// Reads files into a Manifest. Stateless and thread-safe.
class Reader {
 public:
  virtual ~Reader() = default;
  /// Reads metadata only. Throws Error; a single tensor that cannot be read becomes Tensor::problem
  /// instead.
  virtual Manifest read(const Input& input, const Options& options, const Limits& limits) const = 0;
  /// Reads what read() skipped, of the files that belong to the model: for those who want to know
  /// whether all of it is intact. `manifest` is what read() gave. Throws Error where the format's
  /// own library would refuse the file.
  virtual void check_skipped(const Input&, const Options&, const Limits&, const Manifest&) const {}
};

/// Lays a Manifest out in files. Stateless and thread-safe.
class Writer {
 public:
  virtual ~Writer() = default;
  /// How the format holds `dtype`; nothing = it cannot, and the plan refuses the tensor by name.
  virtual std::optional<Encoding> encoding(DType dtype) const = 0;
  /// The same of one tensor, for a format in which it depends on the shape, too.
  virtual std::optional<Encoding> encoding_for(const Tensor& tensor) const {
    return encoding(tensor.dtype);
  }
  /// Sizes and literal bytes; writes nothing. `limits` are for the strings that it loads. Throws
  /// Error(unsupported) listing all offending tensors.
  virtual Layout lay_out(const Manifest& manifest, const Output& output, const Options& options,
                         const Limits& limits = {}) const = 0;
};

/// A file in which tensors are replaced: what is moved into it, and where.
struct Patch {
  /// The new tensors, in the order in which they were given, then what else is moved: ranges of the
  /// old file as bytes, tensors that stay but lie elsewhere.
  Manifest manifest;
  Layout layout;
};

/// Puts tensors in the place of others of an existing file and keeps the rest of its bytes as they
/// are. Stateless and thread-safe.
class Patcher {
 public:
  virtual ~Patcher() = default;
  /// Each tensor of `replacements` takes the place of the one that the format's reader gives this
  /// name, which has the same dtype and shape. `options` are the writer's. Reads metadata only and
  /// writes nothing. Throws Error(unsupported.not_replaceable) listing all tensors that stand where
  /// none can be put.
  virtual Patch patch(const Input& model, const Manifest& replacements, const Output& output,
                      const Options& options, const Limits& limits) const = 0;
};

/// A word that people type for what is not a format here, and the answer, which names the right
/// one.
struct FormatAdvice {
  std::string_view word, advice;
};

struct Format {
  std::string_view name;                     ///< "npy": the word for --from and --to
  std::string_view title;                    ///< "NumPy array file, or a folder of them"
  std::vector<std::string_view> extensions;  ///< lower case, with the dot
  /// Whether a file called so (`leaf` in lower case), though with none of the extensions, is meant
  /// to be one of its own: when it cannot be read, it is damaged or another one was put in its
  /// place.
  bool (*claims_name)(std::string_view leaf) = nullptr;
  std::vector<std::string_view> aliases = {};  ///< other words for --from and --to
  std::vector<FormatAdvice> advice = {};       ///< words that are not taken, and the right ones
  std::vector<OptionSpec> read_options, write_options;
  Match (*probe)(const Probe&) = nullptr;  ///< looks at content; nothing = never detected
  std::shared_ptr<const Reader> reader;    ///< absent = cannot read
  std::shared_ptr<const Writer> writer;    ///< absent = cannot write
  std::shared_ptr<const Patcher> patcher;  ///< absent = its files cannot be injected into
  bool untyped = false;  ///< its bytes do not say what they are: what a conversion finds doubtful
                         ///< (doubts()) is noted
  std::string_view unavailable;  ///< "this build has no HDF5: install libhdf5-dev and configure
                                 ///< again"; empty = all there
};

/// The formats. Built-in ones are there from the start; a host program adds its own before it
/// converts. Reading is thread-safe, add() is not.
class Registry {
 public:
  /// The process-wide registry.
  static Registry& global();

  /// Throws Error(usage) when the name is taken.
  void add(Format format);
  std::span<const Format> formats() const { return formats_; }
  /// By its name or an alias, in upper or lower case. Throws Error(usage.unknown_format) with the
  /// list.
  const Format& at(std::string_view name) const;
  /// The format of an input by content. Throws Error(unsupported.unknown_format),
  /// Error(corrupt.ambiguous) when two match.
  const Format& detect(const Input& input) const;
  /// The same. A directory that is of no format itself but holds exactly one file of a known one
  /// becomes that file. Throws Error(usage.several_files) when there are more.
  const Format& detect(Input& input) const;
  /// The format of that name; without one, by content.
  const Format& of(Input& input, std::string_view name) const {
    return name.empty() ? detect(input) : at(name);
  }
  /// The format whose writer has the extension of `leaf`. Throws Error(usage.unknown_extension).
  const Format& for_extension(std::string_view leaf) const;
  /// The format of that name; without one, by the extension of `leaf`.
  const Format& for_output(std::string_view leaf, std::string_view name) const {
    return name.empty() ? for_extension(leaf) : at(name);
  }

 private:
  std::vector<Format> formats_;
};

}  // namespace tensorferry
