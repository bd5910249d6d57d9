// The one exception type that crosses the API.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tensorferry/export.h"

namespace TENSORFERRY_API tensorferry {

/// What went wrong, in the classes a caller acts on. The numeric values are the program's exit
/// codes: stable, never renumbered.
enum class ErrorCode : int {
  usage = 2,        ///< bad flags or arguments
  corrupt = 3,      ///< malformed, truncated, checksum mismatch, inconsistent
  unsupported = 4,  ///< well-formed, but not handled (dtype, filter, version); unknown format
  unsafe = 5,       ///< a path that escapes, an external link, a limit exceeded
  input = 6,        ///< missing, unreadable, changed while it was read
  output = 7,       ///< exists, same as the input, no space, I/O error
  resources = 8,    ///< out of memory or descriptors
  lossy = 9,        ///< would lose information without a named flag
  internal = 70,    ///< a bug in this library
};

/// "corrupt", "unsupported", ...
std::string_view to_string(ErrorCode code);

/// Thrown by every function of the library that fails.
///
/// what() reads `error[corrupt.truncated]: FILE: tensor "NAME": MESSAGE`: a stable dotted
/// identifier, then where, then expected and found. Control characters in names are escaped.
class Error : public std::runtime_error {
 public:
  /// `detail` is the part of the identifier behind the dot ("truncated").
  Error(ErrorCode code, std::string_view detail, std::string message);

  /// The same error with a place added; a place that is already known is kept.
  Error in_file(std::string_view file) const;
  Error in_tensor(std::string_view tensor) const;

  ErrorCode code() const { return code_; }
  /// "corrupt.truncated"
  std::string id() const;
  const std::string& detail() const { return detail_; }
  const std::string& message() const { return message_; }
  const std::string& file() const { return file_; }
  const std::string& tensor() const { return tensor_; }

 private:
  Error(ErrorCode code, std::string detail, std::string message, std::string file,
        std::string tensor);

  ErrorCode code_;
  std::string detail_, message_, file_, tensor_;
};

/// Any exception as an Error: failures of the system that nothing has named yet are `input.io`,
/// running out of memory or threads is `resources`, and everything else a bug.
Error to_error(const std::exception_ptr& thrown);

/// For output to people: control characters, ESC, bidirectional marks and invalid UTF-8 become
/// \xNN, and what is longer than `limit` bytes is cut with an ellipsis (0 = never).
std::string printable(std::string_view text, std::size_t limit = 200);

}  // namespace tensorferry
