// The output before it has its final names, for a reader that verifies it.
#include <fcntl.h>

#include <filesystem>
#include <map>

#include "io/disk_file.h"
#include "io/input_source.h"
#include "io/output_files.h"

namespace tensorferry {
namespace {

/// Final names to the paths under which the files can be opened meanwhile.
class UncommittedSource final : public InputSource {
 public:
  explicit UncommittedSource(std::map<std::string, std::string> paths) : paths_(std::move(paths)) {}

  bool exists(const std::string& relative) const override { return paths_.contains(relative); }

  std::vector<std::string> list(const std::string& subdirectory) const override {
    std::vector<std::string> names;
    if (!subdirectory.empty()) return names;
    for (const auto& [name, path] : paths_) names.push_back(name);
    return names;
  }

 protected:
  std::shared_ptr<const File> open(const std::string& relative) const override {
    const auto found = paths_.find(relative);
    if (found == paths_.end()) {
      throw Error(ErrorCode::input, "missing", "is not among the files of the output")
          .in_file(relative);
    }
    return disk_file(relative, [name = found->first, path = found->second] {
      Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
      if (!fd) throw system_error(ErrorCode::input, "open", errno, name);
      return fd;
    });
  }

 private:
  std::map<std::string, std::string> paths_;
};

}  // namespace

Input OutputFiles::as_input() const {
  std::map<std::string, std::string> paths;
  for (std::size_t i = 0; i < target_.names.size(); ++i) {
    if (target_.directory) {
      paths[std::string(target_.names[i])] =
          (parent_ / directory_temp_ / target_.names[i]).string();
    } else {
      paths[entries_[i].final_name] = path_of(i).string();
    }
  }
  std::filesystem::path full = absolute_path(target_.path, ErrorCode::output);
  if (full.filename().empty()) full = full.parent_path();
  return Input::from_source(std::make_shared<UncommittedSource>(std::move(paths)),
                            target_.path.string(),
                            target_.directory ? std::string() : full.filename().string());
}

}  // namespace tensorferry
