#include "tensorferry/input.h"

#include <algorithm>

#include "io/input_source.h"
#include "tensorferry/error.h"

namespace tensorferry {
namespace {

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

/// Large files are often not fetched together with a model's folder: text stands in their place. It
/// must never be taken for elements.
void refuse_pointer(const File& file) {
  constexpr std::string_view kStart = "version https://git-lfs.github.com/spec/";
  constexpr std::uint64_t kLongest = 1024;  // by the specification of such pointers
  if (file.size() < kStart.size() || file.size() >= kLongest ||
      file.read_string(0, kStart.size()) != kStart)
    return;
  throw Error(ErrorCode::corrupt, "lfs_pointer",
              "is a Git LFS pointer: the file itself was not downloaded (git lfs pull)")
      .in_file(file.name());
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

std::shared_ptr<const File> InputSource::main_file(const std::string& relative) const {
  trust(relative);
  return sibling(relative);
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
  auto file = source_->sibling(std::string(relative));
  refuse_pointer(*file);
  return file;
}

std::shared_ptr<const File> Input::main_file(std::string_view relative) const {
  check_relative(relative);
  auto file = source_->main_file(std::string(relative));
  refuse_pointer(*file);
  return file;
}

Input Input::only_file(std::string_view relative) const {
  Input file(source_, Kind::file, {}, std::string(relative));
  file.file_ = sibling(relative);
  file.name_ = file.file_->name();
  file.found_in_ = name_;
  return file;
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
