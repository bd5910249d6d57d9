// The bytes of a file in ascending order, through a window: for structures that are larger than
// what may be held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/input.h"
#include "util/wire.h"

namespace tensorferry {

/// Not thread-safe. What is not looked at is not read.
class FileCursor {
 public:
  static constexpr std::size_t kWindow = 64 * 1024;

  /// The bytes [position, end) of `file`, which outlives the cursor; the caller has compared them
  /// with its size.
  FileCursor(const File& file, std::uint64_t position, std::uint64_t end,
             std::size_t window = kWindow);

  std::uint64_t position() const { return position_; }
  std::uint64_t left() const { return end_ - position_; }
  /// At least `bytes` from the position on (at most the window), or all that is left. Valid until
  /// the next call.
  std::string_view peek(std::size_t bytes);
  /// Moves on by at most what is left.
  void skip(std::uint64_t bytes);
  /// The next bytes; the caller has compared their number with a limit and with left().
  std::string take(std::uint64_t bytes);

 private:
  const File& file_;
  std::uint64_t position_, end_;
  std::size_t window_;
  std::vector<std::byte> buffer_;  ///< starts at buffer_start_ in the file
  std::uint64_t buffer_start_ = 0;
};

namespace wire {

/// The field at the cursor, which moves behind its header. Nothing: the header is malformed, or the
/// contents reach behind `end`.
std::optional<Field> next_field(FileCursor& cursor, std::uint64_t end);

}  // namespace wire

}  // namespace tensorferry
