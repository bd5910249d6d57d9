// Reading, converting and hashing whole files.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tensorferry/edits.h"
#include "tensorferry/export.h"
#include "tensorferry/format.h"
#include "tensorferry/layout.h"
#include "tensorferry/manifest.h"

namespace TENSORFERRY_API tensorferry {

struct ReadOptions {
  std::string from;                            ///< a format's name; empty = by content
  std::map<std::string, std::string> options;  ///< of that format's reader
  Limits limits;
  /// What tensors are called: the value of the reader's option "names", where the format has one;
  /// "raw" and "auto" are known to every format. Empty = the reader's default.
  std::string names = {};
  bool check_skipped = false;  ///< Reader::check_skipped, too
  bool follow_links = false;   ///< OpenOptions::follow_links
};

/// How a path is opened for reading with these options.
OpenOptions open_options(const ReadOptions& options);

/// What is there. Opens, detects, reads and checks; holds no weights.
Manifest read(const std::filesystem::path& path, const ReadOptions& options = {});
Manifest read(const Input& input, const ReadOptions& options = {});

/// How far a run is.
struct Progress {
  std::uint64_t bytes_done = 0, bytes_total = 0;  ///< of output, before it is compressed
  bool reading_back = false;                      ///< a second pass, which verifies the output
};

struct RunOptions {
  unsigned threads = 0;                    ///< 0 = as many as there are processors, at most 4
  std::uint64_t memory_limit = 48u << 20;  ///< of buffers, in bytes
  bool overwrite = false;
  bool sync = true;           ///< fsync files and directory before the final names appear
  bool verify_source = true;  ///< compare size, time and inode of every input at the end
  /// Read the complete output back through its format's reader and compare every bit with the
  /// source, before it gets its final name. Throws Error(usage.no_reader), Error(output.verify);
  /// nothing is left then.
  bool verify_output = false;
  std::function<void(const Progress&)>
      progress;  ///< called from one thread at a time, at most ten times a second
  const std::atomic<bool>* cancel =
      nullptr;  ///< set to true: the run stops with Error(input.cancelled), nothing is left
  /// An open descriptor that the complete output is copied to; it gets no name, and the target is
  /// only the one for messages. The format needs one file: Error(usage.several_files) otherwise.
  /// A reader that is gone: Error(output.closed_pipe).
  int stream = -1;
};

/// What happened.
struct Receipt {
  std::uint64_t tensors = 0, bytes = 0;  ///< tensors written, bytes of their elements
  std::uint64_t output_bytes = 0;        ///< of the files
  std::uint64_t moved_bytes = 0;         ///< what Progress counts, and speed is of
  double seconds = 0;
  bool verified = false;  ///< the output was read back and has the same bits
  std::map<std::string, std::uint64_t>
      carried;                    ///< logical dtype -> tensors written as another type and tagged
  std::vector<CastReport> casts;  ///< of each tensor that was cast, in the order of the manifest
  std::uint64_t aliases = 0;      ///< tensors that share their bytes with another one
  std::vector<std::string> damaged;  ///< left out by salvage
  std::vector<Note> notes;
};

/// Where one tensor of a plan's manifest goes.
struct Destination {
  std::size_t tensor = 0;      ///< index into Manifest::tensors
  std::filesystem::path file;  ///< of the output
  Encoding encoding;           ///< how the format holds it
};

/// Everything that is known before a byte is written.
class ConversionPlan {
 public:
  /// Throws with all problems at once: tensors that cannot be read, dtypes that the writer cannot
  /// hold.
  static ConversionPlan make(Manifest manifest, const Format& format,
                             const std::filesystem::path& target,
                             const std::map<std::string, std::string>& write_options = {},
                             const Limits& limits = {});
  /// The same of a copy of `model` in which `replacements` stand in the place of the tensors of
  /// these names. `patched` is what its reader will find then. The format has a patcher.
  static ConversionPlan make_patch(const Input& model, Manifest patched,
                                   const Manifest& replacements, const Format& format,
                                   const std::filesystem::path& target,
                                   const std::map<std::string, std::string>& write_options = {},
                                   const Limits& limits = {});
  ~ConversionPlan();
  ConversionPlan(ConversionPlan&&) noexcept;
  ConversionPlan& operator=(ConversionPlan&&) noexcept;

  const Manifest& manifest() const;
  const Layout& layout() const;
  /// In the order of the layout.
  std::vector<Destination> destinations() const;
  /// Each file of the output and its size in bytes, of HDF5 an estimate.
  std::vector<std::pair<std::filesystem::path, std::uint64_t>> output_files() const;
  /// Bytes that are free where the output goes.
  std::uint64_t free_space() const;
  /// Bytes of buffers and of literal parts that run() will hold at most, besides the descriptions.
  /// Throws Error(usage.memory_limit) where run() would.
  std::uint64_t peak_memory(const RunOptions& options) const;
  /// The fate of each tensor, the files and their sizes, as lines of text.
  std::string describe() const;
  /// Writes the output: complete or not at all.
  Receipt run(const RunOptions& options) &&;

 private:
  struct State;
  explicit ConversionPlan(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct ConvertOptions {
  ReadOptions read;
  std::string to;  ///< a format's name; empty = by the target's extension
  std::map<std::string, std::string> write_options;  ///< of that format's writer
  Selection selection;
  Edits edits;               ///< of what is selected
  bool bookkeeping = false;  ///< write what is not a weight, too
  bool salvage = false;      ///< leave damaged tensors out and name them in the receipt
  bool allow_empty = false;  ///< no tensor selected is not an error
  RunOptions run;
};

/// Sets what `--NAME VALUE` means on the command line of `tensorferry convert`; of a flag `value`
/// is empty. Options that hold several values add up; "unmapped" stands behind "map". What concerns
/// the terminal only, such as --progress, is unknown here. Throws Error(usage.unknown_option),
/// Error(usage.bad_option), Error(usage.bad_value), and what parsing an edit throws.
void set_option(ConvertOptions& options, std::string_view name, const std::string& value = {});

/// Divides `bytes` of memory between the buffers of the run and what readers keep decoded.
void limit_memory(ReadOptions& read, RunOptions& run, std::uint64_t bytes);

/// read, select, edit, plan: what convert() is about to do, and what salvage left out.
struct PreparedConversion {
  ConversionPlan plan;
  std::vector<std::string> damaged;
};
PreparedConversion prepare(const std::filesystem::path& source, const std::filesystem::path& target,
                           const ConvertOptions& options = {});
PreparedConversion prepare(const Input& source, const std::filesystem::path& target,
                           const ConvertOptions& options = {});

/// prepare and run.
Receipt convert(const std::filesystem::path& source, const std::filesystem::path& target,
                const ConvertOptions& options = {});

/// SHA-256 in lower-case hex over the little-endian, row-major elements of the dtype; of strings
/// over each element's length (unsigned 64-bit little-endian) and bytes; of opaque types over the
/// stored bytes.
std::string sha256(const Tensor& tensor, const Limits& limits = {});

/// One digest of a set of tensors: SHA-256 over `name NUL dtype NUL dims,comma-joined NUL sha256
/// LF` of each, sorted by name bytes. `hashes` holds sha256() of each tensor.
std::string set_digest(const Manifest& manifest, const std::vector<std::string>& hashes);

}  // namespace tensorferry
