#include "api/missing_files.h"

#include <set>
#include <string>
#include <vector>

#include "util/text.h"

namespace tensorferry {

std::optional<Note> missing_files(const Manifest& manifest) {
  constexpr std::size_t kMostShown = 10;
  std::set<std::string> files;
  std::size_t tensors = 0;
  for (const Tensor& tensor : manifest.tensors) {
    if (!tensor.problem || tensor.problem->id() != "input.missing") continue;
    ++tensors;
    files.insert(tensor.problem->file());
  }
  if (files.empty()) return std::nullopt;
  const bool one = files.size() == 1;
  return Note{"input.missing_files",
              (one ? "a file is missing, and with it "
                   : std::to_string(files.size()) + " files are missing, and with them ") +
                  std::to_string(tensors) + (tensors == 1 ? " tensor: " : " tensors: ") +
                  join_names({files.begin(), files.end()}, kMostShown)};
}

}  // namespace tensorferry
