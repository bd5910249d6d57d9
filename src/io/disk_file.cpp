#include "io/disk_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <list>
#include <mutex>

#include "io/file_state.h"

namespace tensorferry {
namespace {

[[noreturn]] void refuse_kind(const char* kind, const std::string& name) {
  throw Error(ErrorCode::input, "special_file", std::string("is ") + kind + ", not a regular file")
      .in_file(name);
}

struct stat checked_stat(int fd, const std::string& name) {
  struct stat s {};
  if (fstat(fd, &s) != 0) throw system_error(ErrorCode::input, "fstat", errno, name);
  refuse_special(s.st_mode, name);
  struct statfs fs {};
  if (fstatfs(fd, &fs) == 0 && (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC)) {
    refuse_kind("a file of the kernel", name);
  }
  return s;
}

class DiskFile;

/// Keeps the number of open input files bounded: a checkpoint may have more shards, a folder more
/// arrays, than a process may have descriptors. The least recently used one is closed; readers of
/// it keep theirs.
class OpenFiles {
 public:
  /// Never destroyed: files may be held by static objects of a host program.
  static OpenFiles& instance() {
    static auto& files = *new OpenFiles;
    return files;
  }
  std::shared_ptr<const Descriptor> get(const DiskFile& file);
  void forget(const DiskFile& file);

 private:
  static constexpr std::size_t kMost = 256;
  std::mutex mutex_;
  std::list<const DiskFile*> recent_;  // most recently used first
};

class DiskFile final : public File {
 public:
  DiskFile(std::string name, Opener open) : name_(std::move(name)), open_(std::move(open)) {
    Descriptor fd = open_();
    state_ = state_of(checked_stat(fd.get(), name_));
  }
  ~DiskFile() override { OpenFiles::instance().forget(*this); }

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return state_.identity.size; }
  FileIdentity identity() const override { return state_.identity; }

  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override {
    check_range(name_, offset, bytes.size(), state_.identity.size);
    auto fd = OpenFiles::instance().get(*this);
    while (!bytes.empty()) {
      ssize_t n = pread(fd->get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw system_error(ErrorCode::input, "pread", errno, name_);
      if (n == 0) throw changed("became shorter while it was read");
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
  }

  void check_unchanged() const override {
    auto fd = OpenFiles::instance().get(*this);
    if (state_of(checked_stat(fd->get(), name_)) != state_) {
      throw changed("changed while it was read (--no-verify-source accepts that)");
    }
  }

 private:
  friend class OpenFiles;

  Error changed(const char* what) const {
    return Error(ErrorCode::input, "changed", what).in_file(name_);
  }

  std::string name_;
  Opener open_;
  FileState state_;
  // Both under the mutex of OpenFiles.
  mutable std::shared_ptr<const Descriptor> descriptor_;
  mutable std::list<const DiskFile*>::iterator place_;
};

std::shared_ptr<const Descriptor> OpenFiles::get(const DiskFile& file) {
  std::lock_guard lock(mutex_);
  if (file.descriptor_) {
    recent_.splice(recent_.begin(), recent_, file.place_);
    return file.descriptor_;
  }
  auto fd = std::make_shared<const Descriptor>(file.open_());
  if (!identity_of(checked_stat(fd->get(), file.name_)).same_file(file.state_.identity)) {
    throw file.changed("was replaced by another file while it was read");
  }
  posix_fadvise(fd->get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  if (recent_.size() >= kMost) {
    recent_.back()->descriptor_.reset();
    recent_.pop_back();
  }
  recent_.push_front(&file);
  file.place_ = recent_.begin();
  file.descriptor_ = fd;
  return fd;
}

void OpenFiles::forget(const DiskFile& file) {
  std::lock_guard lock(mutex_);
  if (!file.descriptor_) return;
  recent_.erase(file.place_);
  file.descriptor_.reset();
}

class MemoryFile final : public File {
 public:
  MemoryFile(std::string name, std::vector<std::byte> bytes)
      : name_(std::move(name)), bytes_(std::move(bytes)) {}

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return bytes_.size(); }
  FileIdentity identity() const override { return {}; }
  void check_unchanged() const override {}
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    check_range(name_, offset, out.size(), bytes_.size());
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
  }

 private:
  std::string name_;
  std::vector<std::byte> bytes_;
};

}  // namespace

void refuse_special(mode_t mode, const std::string& name) {
  if (S_ISDIR(mode)) refuse_kind("a directory", name);
  if (S_ISFIFO(mode)) refuse_kind("a FIFO", name);
  if (S_ISCHR(mode)) refuse_kind("a character device", name);
  if (S_ISBLK(mode)) refuse_kind("a block device", name);
  if (S_ISSOCK(mode)) refuse_kind("a socket", name);
}

void check_range(const std::string& name, std::uint64_t offset, std::uint64_t length,
                 std::uint64_t size) {
  if (length <= size && offset <= size - length) return;
  throw Error(ErrorCode::corrupt, "truncated",
              "needs " + std::to_string(length) + " bytes at offset " + std::to_string(offset) +
                  ", file has " + std::to_string(size))
      .in_file(name);
}

std::string File::read_string(std::uint64_t offset, std::uint64_t length) const {
  check_range(name(), offset, length, size());
  std::string text(length, '\0');
  read_at(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

std::shared_ptr<const File> disk_file(std::string name, Opener open) {
  return std::make_shared<DiskFile>(std::move(name), std::move(open));
}

std::shared_ptr<const File> memory_file(std::string name, std::vector<std::byte> bytes) {
  return std::make_shared<MemoryFile>(std::move(name), std::move(bytes));
}

std::shared_ptr<const File> memory_file(std::string name, std::string_view bytes) {
  auto span = std::as_bytes(std::span(bytes));
  return memory_file(std::move(name), std::vector<std::byte>(span.begin(), span.end()));
}

Descriptor open_path(const std::string& path, const std::string& name) {
  Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) throw system_error(ErrorCode::input, "open", errno, name);
  return fd;
}

}  // namespace tensorferry
