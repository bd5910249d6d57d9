#include "output.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <system_error>

namespace tensorferry::cli {
namespace {

[[noreturn]] void fail_output() {
  const int code = errno;
  if (code == EPIPE) throw ClosedPipe{};
  throw Error(ErrorCode::output, "stdout",
              "standard output cannot be written: " + std::generic_category().message(code));
}

}  // namespace

void print(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) fail_output();
}

void flush_output() {
  errno = 0;
  if (std::fflush(stdout) != 0) fail_output();
}

void complain(std::string_view text) {
  std::string line = "tensorferry: ";
  line.append(text).append("\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void print_notes(const std::vector<Note>& notes) {
  for (const Note& note : notes) complain("note: " + printable(note.text, 0));
}

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string Table::text(std::string_view indent) const {
  constexpr std::size_t widest = 80;  // a longer cell pushes its own row only
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::size_t width = display_width(row[i]);
      if (width <= widest) widths[i] = std::max(widths[i], width);
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    const std::size_t start = out.size();
    out += indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += "  ";
      const std::size_t width = display_width(row[i]);
      const std::size_t blanks = widths[i] > width ? widths[i] - width : 0;
      if (columns_[i] == Align::right) out.append(blanks, ' ');
      out += row[i];
      if (columns_[i] == Align::left) out.append(blanks, ' ');
    }
    while (out.size() > start && out.back() == ' ') out.pop_back();
    out += '\n';
  }
  return out;
}

std::string fixed(double value, int decimals) {
  std::array<char, 400> digits;  // the largest double has 309 digits before the point
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                 std::chars_format::fixed, decimals)
                       .ptr;
  return {digits.data(), end};
}

std::string significant(double value, int digits_shown) {
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                 std::chars_format::general, digits_shown)
                       .ptr;
  return {digits.data(), end};
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  constexpr std::array<std::string_view, 6> units = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double amount = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (amount >= 1023.95 && unit + 1 < units.size()) {
    amount /= 1024;
    ++unit;
  }
  return fixed(amount, 1) + " " + std::string(units[unit]);
}

std::string exact_bytes(std::uint64_t bytes) {
  const std::string exact = count_of(bytes, "byte");
  return bytes < 1024 ? exact : human_bytes(bytes) + " (" + exact + ")";
}

std::string count_of(std::uint64_t count, std::string_view noun) {
  std::string text = std::to_string(count) + " " + std::string(noun);
  if (count != 1) text += noun.ends_with("s") ? "es" : "s";
  return text;
}

std::string short_problem(const Error& problem) {
  return printable(problem.id() + ": " + problem.message(), 0);
}

}  // namespace tensorferry::cli
