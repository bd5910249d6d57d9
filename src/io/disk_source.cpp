// Looking up files whose names come from untrusted bytes.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>

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

/// `path` relative to `directory`, or empty when it lies elsewhere. Both are real paths.
std::string below(const std::string& path, const std::string& directory) {
  if (directory == "/") return path.substr(1);
  if (directory.empty() || path.size() <= directory.size() + 1) return {};
  if (path.compare(0, directory.size(), directory) != 0 || path[directory.size()] != '/') return {};
  return path.substr(directory.size() + 1);
}

/// The `blobs` of the download cache that a folder of links belongs to. Such a cache keeps
/// `snapshots/REVISION/NAME` as links into `blobs/` beside `snapshots`. Empty when it is not one.
std::string cache_of(const std::string& directory) {
  for (std::filesystem::path at(directory); at.has_relative_path(); at = at.parent_path())
    if (at.filename() == "snapshots") return at.parent_path() / "blobs";
  return {};
}

/// A directory and the rules by which files in it are opened. Shared by the files, which reopen
/// themselves through it.
class Folder {
 public:
  Folder(std::string directory, std::string shown, const std::string& named, bool follow_links)
      : directory_(std::move(directory)), shown_(std::move(shown)), follow_links_(follow_links) {
    fd_ = Descriptor(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd_) throw system_error(ErrorCode::input, "open", errno, shown_);
    real_ = real_path(directory_);
    cache_ = cache_of(real_);
    if (!named.empty()) trust(named);
  }

  /// As if the user had named that file: where it leads, its siblings may lead, too.
  void trust(const std::string& relative) const {
    struct stat s {};
    if (fstatat(fd_.get(), relative.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISLNK(s.st_mode))
      return;
    const std::string target = real_path(directory_ + "/" + relative);
    if (target.empty()) return;
    std::lock_guard lock(mutex_);
    target_ = std::filesystem::path(target).parent_path();
  }

  bool exists(const std::string& relative) const {
    struct stat s {};
    if (fstatat(fd_.get(), relative.c_str(), &s, 0) == 0) return true;
    const std::string beside = target();
    return !beside.empty() && stat((beside + "/" + relative).c_str(), &s) == 0;
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
    if (error == ENOENT) fd = open_beside_target(relative);
    if (!fd) throw system_error(ErrorCode::input, "open", error, name);
    return fd;
  }

 private:
  /// Links are followed. One that leads nowhere counts: opening it says so, leaving it out would
  /// say nothing.
  bool is_regular(int directory, const ListedEntry& entry) const {
    if (entry.type != DT_LNK && entry.type != DT_UNKNOWN) return entry.type == DT_REG;
    struct stat s {};
    if (fstatat(directory, entry.name.c_str(), &s, 0) == 0) return S_ISREG(s.st_mode);
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EACCES)
      return entry.type == DT_LNK;
    throw listing_error(ErrorCode::input, "stat", errno, shown_ + entry.name);
  }

  std::string target() const {
    std::lock_guard lock(mutex_);
    return target_;
  }

  /// What is missing beside the link that the user named may lie beside its target.
  Descriptor open_beside_target(const std::string& relative) const {
    const std::string beside = target();
    if (beside.empty()) return {};
    const Descriptor base(::open(beside.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return base ? open_beneath(base.get(), relative, 0) : Descriptor();
  }

  /// The name is, or passes through, a link that leaves the directory; or the kernel has no
  /// openat2. What it resolves to must lie where links may lead, and is opened from there without
  /// links, so that a link that changes in between leads nowhere.
  Descriptor open_linked(const std::string& relative, const std::string& name) const {
    const std::string path = real_path(directory_ + "/" + relative);
    if (path.empty()) throw system_error(ErrorCode::input, "open", errno, name);
    std::vector<std::string> allowed = {real_, cache_, target()};
    if (follow_links_) allowed.emplace_back("/");
    for (const std::string& folder : allowed) {
      const std::string rest = below(path, folder);
      if (rest.empty()) continue;
      Descriptor base(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!base) throw system_error(ErrorCode::input, "open", errno, name);
      Descriptor fd = open_beneath(base.get(), rest, RESOLVE_NO_SYMLINKS);
      if (!fd && errno == ENOSYS) {
        fd = Descriptor(openat(base.get(), rest.c_str(), kReadFlags | O_NOFOLLOW));
      }
      if (!fd) throw system_error(ErrorCode::input, "open", errno, name);
      return fd;
    }
    throw Error(ErrorCode::unsafe, "link_leaves_folder",
                "is a link to " + printable(path) +
                    ", outside of the folder of the model (--follow-links reads it)")
        .in_file(name);
  }

  std::string directory_, shown_, real_, cache_;
  bool follow_links_;
  mutable std::mutex mutex_;
  mutable std::string target_;  // the directory that the link leads to that the user named
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
  void trust(const std::string& relative) const override { folder_->trust(relative); }

 private:
  std::shared_ptr<const Folder> folder_;
};

}  // namespace

std::shared_ptr<const InputSource> disk_source(const std::string& directory, std::string shown,
                                               const std::string& named, bool follow_links) {
  return std::make_shared<DiskSource>(
      std::make_shared<const Folder>(directory, std::move(shown), named, follow_links));
}

}  // namespace tensorferry
