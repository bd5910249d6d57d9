#include "plan/stale_files.h"

#include <algorithm>
#include <set>
#include <system_error>
#include <vector>

#include "tensorferry/input.h"
#include "util/text.h"

namespace tensorferry {

namespace fs = std::filesystem;

std::optional<Note> note_stale_files(std::span<const std::pair<fs::path, std::uint64_t>> files,
                                     const Format& format, const Limits& limits) {
  const fs::path& old = files.front().first;
  std::error_code ignored;
  if (!format.reader || !fs::is_regular_file(old, ignored)) return std::nullopt;
  std::set<std::string> left;
  try {
    const Input input = Input::open(old);
    static_cast<void>(format.reader->read(input, Options(format.read_options, {}), limits));
    for (const auto& file : input.opened()) left.insert(fs::path(file->name()).filename().string());
  } catch (const Error&) {
    return std::nullopt;  // not such an output, or a damaged one
  }
  for (const auto& [path, size] : files) left.erase(path.filename().string());
  if (left.empty()) return std::nullopt;
  const std::vector<std::string> names(left.begin(), left.end());
  constexpr std::size_t kMostNames = 5;
  return Note{"output.stale_files", (names.size() == 1 ? "a file of the replaced output is"
                                                       : "files of the replaced "
                                                         "output are") +
                                        std::string(" not used by the new one and left alone: ") +
                                        join_names(names, kMostNames)};
}

}  // namespace tensorferry
