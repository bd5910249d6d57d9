#include "tensorferry/input.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "io/disk_file.h"
#include "io/input_source.h"
#include "tensorferry/error.h"

namespace tensorferry {
namespace {

namespace fs = std::filesystem;

/// Names from untrusted bytes: relative, inside, and the same on every system.
void check_relative(std::string_view name) {
  auto refuse = [&](const char* why) {
    throw Error(ErrorCode::unsafe, "path",
                "the file name \"" + printable(name) + "\" " + why +
                    "; a file of a model must lie in the model's folder");
  };
  if (name.empty()) refuse("is empty");
  if (name.front() == '/') refuse("is absolute");
  if (name.find('\0') != name.npos) refuse("contains NUL");
  if (name.find('\\') != name.npos) refuse("contains a backslash");
  for (std::size_t start = 0; start <= name.size();) {
    std::size_t end = std::min(name.find('/', start), name.size());
    if (name.substr(start, end - start) == "..") refuse("contains \"..\"");
    start = end + 1;
  }
}

bool is_continuation(std::string_view name, std::string_view prefix) {
  return name.size() > prefix.size() && name.starts_with(prefix) &&
         (name[prefix.size()] == '.' || name[prefix.size()] == '-');
}

class MemorySource final : public InputSource {
 public:
  explicit MemorySource(std::map<std::string, std::string> files) : files_(std::move(files)) {}
  bool exists(const std::string& relative) const override { return files_.contains(relative); }
  std::vector<std::string> list(const std::string& subdirectory) const override {
    std::string prefix = subdirectory.empty() ? "" : subdirectory + "/";
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files_) {
      if (name.starts_with(prefix) && name.find('/', prefix.size()) == name.npos) {
        names.push_back(name.substr(prefix.size()));
      }
    }
    return names;
  }

 protected:
  std::shared_ptr<const File> open(const std::string& relative) const override {
    auto found = files_.find(relative);
    if (found == files_.end()) {
      throw Error(ErrorCode::input, "missing", "no such file in memory").in_file(relative);
    }
    return memory_file(relative, found->second);
  }

 private:
  std::map<std::string, std::string> files_;
};

}  // namespace

std::shared_ptr<const File> InputSource::sibling(const std::string& relative) const {
  std::lock_guard lock(mutex_);
  auto& file = siblings_[relative];
  if (!file) {
    file = open(relative);
    opened_.push_back(file);
  }
  return file;
}

std::vector<std::shared_ptr<const File>> InputSource::opened() const {
  std::lock_guard lock(mutex_);
  return opened_;
}

void InputSource::add_opened(std::shared_ptr<const File> file) const {
  std::lock_guard lock(mutex_);
  opened_.push_back(std::move(file));
}

std::shared_ptr<const InputSource> memory_source(std::map<std::string, std::string> files) {
  return std::make_shared<MemorySource>(std::move(files));
}

Input::Input(std::shared_ptr<const InputSource> source, Kind kind, std::string name,
             std::string leaf)
    : source_(std::move(source)), kind_(kind), name_(std::move(name)), leaf_(std::move(leaf)) {}

Input Input::open(const fs::path& path) {
  std::string name = path.string();
  if (name.empty() || name.find('\0') != name.npos) {
    throw Error(ErrorCode::usage, "bad_path", "the name of the input is empty or contains NUL");
  }
  std::string full = fs::absolute(path).lexically_normal().string();
  struct stat s {};
  bool found = ::stat(full.c_str(), &s) == 0;
  if (!found && errno != ENOENT && errno != ENOTDIR) {
    throw system_error(ErrorCode::input, "stat", errno, name);
  }
  if (found && S_ISDIR(s.st_mode)) {
    std::string shown = name.back() == '/' ? name : name + "/";
    return Input(disk_source(full, shown, ""), Kind::directory, name, "");
  }
  fs::path parent = fs::path(full).parent_path();
  std::string shown = path.parent_path().empty() ? "" : (path.parent_path() / "").string();
  std::string leaf = path.filename().string();
  if (found) {
    // Siblings of a file that is itself a link may lie where the link leads: download caches are
    // built so.
    struct stat link {};
    bool is_link = ::lstat(full.c_str(), &link) == 0 && S_ISLNK(link.st_mode);
    std::string anchor = is_link ? fs::canonical(full).parent_path().string() : "";
    Input input(disk_source(parent, shown, anchor), Kind::file, name, leaf);
    input.file_ = disk_file(name, [full, name] { return open_path(full, name); });
    input.source_->add_opened(input.file_);
    return input;
  }
  if (::stat(parent.c_str(), &s) == 0 && S_ISDIR(s.st_mode) && !leaf.empty()) {
    auto source = disk_source(parent, shown, "");
    for (const std::string& other : source->list("")) {
      if (is_continuation(other, leaf)) return Input(source, Kind::prefix, name, leaf);
    }
  }
  throw Error(ErrorCode::input, "missing",
              "no such file or folder, and no files whose names begin so")
      .in_file(name);
}

Input Input::from_source(std::shared_ptr<const InputSource> source, std::string name,
                         const std::string& leaf) {
  if (leaf.empty()) return Input(std::move(source), Kind::directory, std::move(name), "");
  const bool is_file = source->exists(leaf);
  Input input(source, is_file ? Kind::file : Kind::prefix, std::move(name), leaf);
  if (is_file) input.file_ = source->sibling(leaf);
  return input;
}

Input Input::memory(const std::string& path, std::map<std::string, std::string> files) {
  return from_source(memory_source(std::move(files)), path.empty() ? "memory" : path, path);
}

std::shared_ptr<const File> Input::file() const {
  if (!file_) {
    throw Error(ErrorCode::input, "not_a_file",
                kind_ == Kind::directory ? "is a folder, not a file" : "is a prefix, not a file")
        .in_file(name_);
  }
  return file_;
}

std::shared_ptr<const File> Input::sibling(std::string_view relative) const {
  check_relative(relative);
  return source_->sibling(std::string(relative));
}

bool Input::has_sibling(std::string_view relative) const {
  check_relative(relative);
  return source_->exists(std::string(relative));
}

std::vector<std::string> Input::list(std::string_view subdirectory) const {
  if (!subdirectory.empty()) check_relative(subdirectory);
  return source_->list(std::string(subdirectory));
}

std::vector<std::shared_ptr<const File>> Input::opened() const { return source_->opened(); }

}  // namespace tensorferry
