// Looking up files whose names come from untrusted bytes.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>

#include "io/disk_file.h"
#include "io/input_source.h"
#include "io/list_directory.h"

namespace tensorferry {
namespace {

constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

Descriptor open_beneath(int directory, const std::string& relative, std::uint64_t resolve) {
  open_how how{};
  how.flags = kReadFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve;
  return Descriptor(
      static_cast<int>(syscall(SYS_openat2, directory, relative.c_str(), &how, sizeof how)));
}

std::string real_path(const std::string& path) {
  char resolved[PATH_MAX];
  return realpath(path.c_str(), resolved) ? resolved : std::string();
}

/// `path` relative to `directory`, or empty when it lies elsewhere. Both are real paths.
std::string below(const std::string& path, const std::string& directory) {
  if (directory.empty() || path.size() <= directory.size() + 1) return {};
  if (path.compare(0, directory.size(), directory) != 0 || path[directory.size()] != '/') return {};
  return path.substr(directory.size() + 1);
}

/// A directory and the rules by which files in it are opened. Shared by the files, which reopen
/// themselves through it.
class Folder {
 public:
  Folder(std::string directory, std::string shown, std::string anchor)
      : directory_(std::move(directory)), shown_(std::move(shown)), anchor_(std::move(anchor)) {
    fd_ = Descriptor(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd_) throw system_error(ErrorCode::input, "open", errno, shown_);
    real_ = real_path(directory_);
    // A download cache keeps `snapshots/REVISION/NAME` as links into `blobs/` beside `snapshots`.
    for (std::filesystem::path real(real_); anchor_.empty() && real.has_relative_path();
         real = real.parent_path()) {
      if (real.filename() == "snapshots") anchor_ = real.parent_path() / "blobs";
    }
  }

  bool exists(const std::string& relative) const {
    struct stat s {};
    return fstatat(fd_.get(), relative.c_str(), &s, 0) == 0;
  }

  std::vector<std::string> list(const std::string& subdirectory) const {
    Descriptor fd = subdirectory.empty() ? Descriptor(openat(fd_.get(), ".", kReadFlags))
                                         : open_beneath(fd_.get(), subdirectory, 0);
    if (!fd) {
      // Missing, or reached through a link that leaves the folder: whoever opens a file there is
      // told. Anything else must not look like an empty folder.
      if (errno == ENOENT || errno == ENOTDIR || errno == EXDEV || errno == ELOOP) return {};
      throw listing_error(ErrorCode::input, "open", errno, shown_ + subdirectory);
    }
    std::vector<std::string> names;
    for (ListedEntry& entry : list_directory(fd.get(), ErrorCode::input, shown_ + subdirectory)) {
      if (is_regular(fd.get(), entry)) names.push_back(std::move(entry.name));
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string shown(const std::string& relative) const { return shown_ + relative; }

  Descriptor open_checked(const std::string& relative, const std::string& name) const {
    Descriptor fd = open_beneath(fd_.get(), relative, 0);
    if (fd) return fd;
    int error = errno;
    if (error == EXDEV || error == ELOOP || error == ENOSYS || error == EPERM) {
      return open_linked(relative, name);
    }
    throw system_error(ErrorCode::input, "open", error, name);
  }

 private:
  /// Links are followed; one that leads nowhere is not a file.
  bool is_regular(int directory, const ListedEntry& entry) const {
    if (entry.type != DT_LNK && entry.type != DT_UNKNOWN) return entry.type == DT_REG;
    struct stat s {};
    if (fstatat(directory, entry.name.c_str(), &s, 0) == 0) return S_ISREG(s.st_mode);
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EACCES) return false;
    throw listing_error(ErrorCode::input, "stat", errno, shown_ + entry.name);
  }

  /// The name is, or passes through, a link that leaves the directory; or the kernel has no
  /// openat2. What it resolves to must lie below the directory or below the anchor, and is opened
  /// from there without links, so that a link that changes in between leads nowhere.
  Descriptor open_linked(const std::string& relative, const std::string& name) const {
    std::string target = real_path(directory_ + "/" + relative);
    if (target.empty()) throw system_error(ErrorCode::input, "open", errno, name);
    for (const std::string& allowed : {real_, anchor_}) {
      std::string rest = below(target, allowed);
      if (rest.empty()) continue;
      Descriptor base(::open(allowed.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!base) throw system_error(ErrorCode::input, "open", errno, name);
      Descriptor fd = open_beneath(base.get(), rest, RESOLVE_NO_SYMLINKS);
      if (!fd && errno == ENOSYS) {
        fd = Descriptor(openat(base.get(), rest.c_str(), kReadFlags | O_NOFOLLOW));
      }
      if (!fd) throw system_error(ErrorCode::input, "open", errno, name);
      return fd;
    }
    throw Error(ErrorCode::unsafe, "link_leaves_folder",
                "is a link to a file outside of the folder of the model")
        .in_file(name);
  }

  std::string directory_, shown_, anchor_, real_;
  Descriptor fd_;
};

class DiskSource final : public InputSource {
 public:
  explicit DiskSource(std::shared_ptr<const Folder> folder) : folder_(std::move(folder)) {}
  bool exists(const std::string& relative) const override { return folder_->exists(relative); }
  std::vector<std::string> list(const std::string& subdirectory) const override {
    return folder_->list(subdirectory);
  }

 protected:
  std::shared_ptr<const File> open(const std::string& relative) const override {
    std::string name = folder_->shown(relative);
    return disk_file(
        name, [folder = folder_, relative, name] { return folder->open_checked(relative, name); });
  }

 private:
  std::shared_ptr<const Folder> folder_;
};

}  // namespace

std::shared_ptr<const InputSource> disk_source(const std::string& directory, std::string shown,
                                               std::string anchor) {
  return std::make_shared<DiskSource>(
      std::make_shared<const Folder>(directory, std::move(shown), std::move(anchor)));
}

}  // namespace tensorferry
