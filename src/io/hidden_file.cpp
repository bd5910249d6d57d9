#include "io/hidden_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "io/output_directory.h"

namespace tensorferry {
namespace {

constexpr mode_t kFileMode = 0666;  // less the umask

std::string proc_path(const Descriptor& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

}  // namespace

bool has_unnamed_files() { return access("/proc/self/fd", X_OK) == 0; }

HiddenFile::HiddenFile(int parent, const std::string& base, const std::string& shown) {
  if (has_unnamed_files())
    fd_ = Descriptor(openat(parent, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, kFileMode));
  if (fd_) return;
  std::string name = temporary_name(base);
  fd_ = Descriptor(
      openat(parent, name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  if (!fd_) throw system_error(ErrorCode::output, "open", errno, shown);
  name_ = std::move(name);
  lock();
}

std::filesystem::path HiddenFile::path(const std::filesystem::path& parent) const {
  return name_.empty() ? std::filesystem::path(proc_path(fd_)) : parent / name_;
}

int HiddenFile::place(int parent, const std::string& name) {
  const int result = name_.empty() ? linkat(AT_FDCWD, proc_path(fd_).c_str(), parent, name.c_str(),
                                            AT_SYMLINK_FOLLOW)
                                   : rename_new(parent, name_, name);
  if (result == 0) name_.clear();
  return result;
}

void HiddenFile::lock() { flock(fd_.get(), LOCK_EX | LOCK_NB); }
void HiddenFile::unlock() { flock(fd_.get(), LOCK_UN); }

int HiddenFile::give_name(int parent, const std::string& base, Hidden kind) {
  std::string name = temporary_name(base, kind);
  const int result = place(parent, name);
  if (result == 0) name_ = std::move(name);
  return result;
}

bool HiddenFile::discard(int parent) {
  if (name_.empty()) return true;
  if (unlinkat(parent, name_.c_str(), 0) != 0 && errno != ENOENT) return false;
  name_.clear();
  return true;
}

}  // namespace tensorferry
