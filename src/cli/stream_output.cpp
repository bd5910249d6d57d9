#include "stream_output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "tensorferry/error.h"
#include "tensorferry/format.h"

namespace tensorferry::cli {
namespace {

/// The descriptor that a path of the system stands for.
std::optional<int> descriptor_of(std::string_view operand) {
  if (operand == "-" || operand == "/dev/stdout") return STDOUT_FILENO;
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!operand.starts_with(folder)) continue;
    const std::string_view digits = operand.substr(folder.size());
    int descriptor = -1;
    const auto [stop, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), descriptor);
    if (error == std::errc{} && stop == digits.data() + digits.size()) return descriptor;
  }
  return std::nullopt;
}

}  // namespace

Target output_target(const std::string& operand, const std::string& to) {
  const auto descriptor = descriptor_of(operand);
  if (!descriptor) return {operand};
  if (to.empty())
    throw Error(ErrorCode::usage, "no_format",
                "standard output has no extension that says the format; name one with --to");
  const Format& format = Registry::global().at(to);
  struct stat s {};
  if (fstat(*descriptor, &s) != 0)
    throw Error(ErrorCode::usage, "bad_path", "the descriptor is not open").in_file(operand);
  if (isatty(*descriptor) != 0)
    throw Error(ErrorCode::usage, "terminal",
                "standard output is a terminal, which cannot show a file; send it to a file or a "
                "program: tensorferry ... - > FILE")
        .in_file(operand);
  const std::string extension =
      format.extensions.empty() ? std::string() : std::string(format.extensions.front());
  return {"stdout" + extension, *descriptor};
}

}  // namespace tensorferry::cli
