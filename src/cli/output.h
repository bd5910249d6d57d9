// Standard output, tables and words that several commands share.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/error.h"
#include "tensorferry/manifest.h"

namespace tensorferry::cli {

/// Thrown when nobody reads standard output any more: the program ends quietly.
struct ClosedPipe {};

/// Writes to standard output, buffered. Throws Error(output.stdout) or ClosedPipe.
void print(std::string_view text);
/// To be called once at the end: what is buffered may still fail.
void flush_output();

/// One line on standard error: "tensorferry: " and the text. Never throws for a failed write.
void complain(std::string_view text);
/// "tensorferry: note: ..." for each.
void print_notes(const std::vector<Note>& notes);

/// Columns of text, aligned by the number of characters. Numbers go to the right.
class Table {
 public:
  enum class Align : unsigned char { left, right };
  explicit Table(std::vector<Align> columns) : columns_(std::move(columns)) {}
  /// At most as many cells as columns.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// Each row behind `indent`, without blanks at its end.
  std::string text(std::string_view indent = "") const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Characters that a terminal shows: UTF-8 continuation bytes are not counted.
std::size_t display_width(std::string_view text);

/// "1.5 MiB"; below 1 KiB "17 B".
std::string human_bytes(std::uint64_t bytes);
/// "1.5 MiB (1572864 bytes)"
std::string exact_bytes(std::uint64_t bytes);
/// "1 tensor", "2 tensors"
std::string count_of(std::uint64_t count, std::string_view noun);
/// A fixed number of decimals, without the locale.
std::string fixed(double value, int decimals);
/// A number of significant digits, such as 1.5e-07.
std::string significant(double value, int digits_shown);

/// "corrupt.checksum: what it is", for listings.
std::string short_problem(const Error& problem);

}  // namespace tensorferry::cli
