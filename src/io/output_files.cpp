#include "io/output_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "io/output_directory.h"
#include "io/temporary_name.h"

namespace tensorferry {

namespace fs = std::filesystem;

namespace {

constexpr int kCreateFlags = O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC;
constexpr mode_t kFileMode = 0666;  // less the umask
constexpr mode_t kModeBits = 07777;

std::string proc_path(const Descriptor& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

void refuse_same(const std::string& target, const File& source) {
  throw Error(ErrorCode::output, "same_as_input",
              "is the same file as the input " + printable(source.name()))
      .in_file(target);
}

void refuse_existing(const std::string& target) {
  throw Error(ErrorCode::output, "exists", "exists already; --overwrite replaces it")
      .in_file(target);
}

}  // namespace

OutputFiles::OutputFiles(Target target, std::span<const std::shared_ptr<const File>> sources)
    : target_(std::move(target)) {
  proc_ = access("/proc/self/fd", X_OK) == 0;
  fs::path full = absolute_path(target_.path, ErrorCode::output);
  if (full.filename().empty()) full = full.parent_path();  // a trailing slash
  parent_ = full.parent_path();
  check_parent();
  if (target_.directory) {
    entries_.resize(1);
    entries_[0].final_name = full.filename().string();
    check_target(entries_[0], sources);
    return;
  }
  for (const std::string_view name : target_.names) {
    Entry& entry = entries_.emplace_back();
    entry.final_name = name.empty() ? full.filename().string() : std::string(name);
    check_target(entry, sources);
  }
}

OutputFiles::~OutputFiles() {
  if (committed_) return;
  for (const Entry& entry : entries_) {
    if (!entry.temp_name.empty()) unlinkat(parent_fd_.get(), entry.temp_name.c_str(), 0);
  }
  if (!directory_temp_.empty()) remove_flat_directory(parent_fd_.get(), directory_temp_);
}

std::string OutputFiles::shown(const Entry& entry) const {
  return (target_.path.parent_path() / entry.final_name).string();
}

void OutputFiles::check_parent() {
  parent_fd_ = Descriptor(::open(parent_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent_fd_) {
    int error = errno;
    std::string name = target_.path.parent_path().string();
    if (error == ENOENT || error == ENOTDIR) {
      throw Error(ErrorCode::output, "no_parent", "the folder of the output does not exist")
          .in_file(target_.path.string());
    }
    throw system_error(ErrorCode::output, "open", error, name);
  }
  if (faccessat(parent_fd_.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
    throw system_error(ErrorCode::output, "access", errno, target_.path.string());
  }
}

void OutputFiles::check_target(Entry& entry, std::span<const std::shared_ptr<const File>> sources) {
  struct stat s {};
  // Through links first: a link to the input is the input.
  if (fstatat(parent_fd_.get(), entry.final_name.c_str(), &s, 0) == 0) {
    FileIdentity identity{static_cast<std::uint64_t>(s.st_dev),
                          static_cast<std::uint64_t>(s.st_ino), 0, 0};
    for (const auto& source : sources) {
      if (source->identity().same_file(identity)) refuse_same(shown(entry), *source);
    }
  }
  if (fstatat(parent_fd_.get(), entry.final_name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) return;
  entry.exists = true;
  entry.mode = s.st_mode & kModeBits;
  if (target_.directory) {
    if (!S_ISDIR(s.st_mode)) refuse_existing(shown(entry));
    DirectoryContents contents = look_into(parent_fd_.get(), entry.final_name, shown(entry));
    for (const auto& source : sources) {
      for (const FileIdentity& inside : contents.files) {
        if (source->identity().same_file(inside)) refuse_same(shown(entry), *source);
      }
    }
    entry.empty_directory = contents.empty;
    if (contents.empty) return;
    if (!target_.overwrite) refuse_existing(shown(entry));
    if (!contents.foreign.empty()) {
      throw Error(ErrorCode::output, "foreign_files",
                  "is not a folder that this program wrote: \"" + printable(contents.foreign) +
                      "\" would be lost; remove the folder yourself or name another one")
          .in_file(shown(entry));
    }
    return;
  }
  if (!target_.overwrite) refuse_existing(shown(entry));
  if (!S_ISREG(s.st_mode) && !S_ISLNK(s.st_mode)) {
    throw Error(ErrorCode::output, "special_file", "is not a regular file").in_file(shown(entry));
  }
}

void OutputFiles::make_directory() {
  std::string name = temporary_name(entries_[0].final_name);
  if (mkdirat(parent_fd_.get(), name.c_str(), 0777) != 0) {
    throw system_error(ErrorCode::output, "mkdir", errno, shown(entries_[0]));
  }
  directory_temp_ = name;
  directory_fd_ = Descriptor(
      openat(parent_fd_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory_fd_) throw system_error(ErrorCode::output, "open", errno, shown(entries_[0]));
}

void OutputFiles::prepare_directory() {
  if (target_.directory && !directory_fd_) make_directory();
}

Descriptor OutputFiles::open(std::size_t index) {
  if (target_.directory) {
    const std::string name(target_.names[index]);
    int fd = openat(directory_fd_.get(), name.c_str(), kCreateFlags, kFileMode);
    if (fd < 0 && errno == EEXIST) {
      fd = openat(directory_fd_.get(), name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    }
    if (fd < 0) throw system_error(ErrorCode::output, "open", errno, name);
    return Descriptor(fd);
  }
  Entry& entry = entries_[index];
  if (!entry.fd) {
    int fd = proc_ ? openat(parent_fd_.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, kFileMode) : -1;
    if (fd < 0) {
      entry.temp_name = temporary_name(entry.final_name);
      fd = openat(parent_fd_.get(), entry.temp_name.c_str(), kCreateFlags, kFileMode);
      if (fd < 0) {
        int error = errno;
        entry.temp_name.clear();
        throw system_error(ErrorCode::output, "open", error, shown(entry));
      }
    }
    entry.fd = Descriptor(fd);
  }
  Descriptor copy(fcntl(entry.fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) throw system_error(ErrorCode::output, "dup", errno, shown(entry));
  return copy;
}

fs::path OutputFiles::path_of(std::size_t index, const Descriptor& open) const {
  if (target_.directory) return parent_ / directory_temp_ / target_.names[index];
  const Entry& entry = entries_[index];
  return entry.temp_name.empty() ? fs::path(proc_path(open)) : parent_ / entry.temp_name;
}

void OutputFiles::complete(std::size_t index, Descriptor fd, bool sync) {
  const std::string name(target_.directory ? target_.names[index]
                                           : std::string_view(entries_[index].final_name));
  if (sync && fdatasync(fd.get()) != 0) {
    throw system_error(ErrorCode::output, "fdatasync", errno, name);
  }
  if (!fd.close()) throw system_error(ErrorCode::output, "close", errno, name);
}

void OutputFiles::sync_all() {
  if (syncfs(parent_fd_.get()) != 0) {
    throw system_error(ErrorCode::output, "syncfs", errno, parent_.string());
  }
}

void OutputFiles::place_file(Entry& entry) {
  int parent = parent_fd_.get();
  const char* name = entry.final_name.c_str();
  if (entry.exists) {
    if (fchmod(entry.fd.get(), entry.mode) != 0) {
      throw system_error(ErrorCode::output, "fchmod", errno, shown(entry));
    }
    if (entry.temp_name.empty()) {
      std::string temp = temporary_name(entry.final_name);
      if (linkat(AT_FDCWD, proc_path(entry.fd).c_str(), parent, temp.c_str(), AT_SYMLINK_FOLLOW)) {
        throw system_error(ErrorCode::output, "linkat", errno, shown(entry));
      }
      entry.temp_name = temp;
    }
    if (renameat(parent, entry.temp_name.c_str(), parent, name) != 0) {
      throw system_error(ErrorCode::output, "rename", errno, shown(entry));
    }
  } else if (entry.temp_name.empty()) {
    if (linkat(AT_FDCWD, proc_path(entry.fd).c_str(), parent, name, AT_SYMLINK_FOLLOW) != 0) {
      if (errno == EEXIST) refuse_existing(shown(entry));
      throw system_error(ErrorCode::output, "linkat", errno, shown(entry));
    }
  } else if (rename_new(parent, entry.temp_name, entry.final_name) != 0) {
    if (errno == EEXIST) refuse_existing(shown(entry));
    throw system_error(ErrorCode::output, "rename", errno, shown(entry));
  }
  entry.temp_name.clear();
  entry.created = !entry.exists;
}

void OutputFiles::commit(bool sync) {
  try {
    if (target_.directory) {
      commit_directory(sync);
    } else {
      // The file that users name comes last: when it is there, the others are.
      for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) place_file(*entry);
    }
  } catch (...) {
    for (const Entry& entry : entries_) {
      if (entry.created) unlinkat(parent_fd_.get(), entry.final_name.c_str(), 0);
    }
    throw;
  }
  committed_ = true;
  if (sync && fsync(parent_fd_.get()) != 0) {
    throw system_error(ErrorCode::output, "fsync", errno, parent_.string());
  }
  for (Entry& entry : entries_) {
    if (entry.fd && !entry.fd.close()) {
      throw system_error(ErrorCode::output, "close", errno, shown(entry));
    }
  }
}

void OutputFiles::commit_directory(bool sync) {
  Entry& entry = entries_[0];
  prepare_directory();
  if (sync && fsync(directory_fd_.get()) != 0) {
    throw system_error(ErrorCode::output, "fsync", errno, shown(entry));
  }
  int parent = parent_fd_.get();
  if (!entry.exists) {
    if (rename_new(parent, directory_temp_, entry.final_name) != 0) {
      if (errno == EEXIST) refuse_existing(shown(entry));
      throw system_error(ErrorCode::output, "rename", errno, shown(entry));
    }
    directory_temp_.clear();
    return;
  }
  if (fchmod(directory_fd_.get(), entry.mode) != 0) {
    throw system_error(ErrorCode::output, "fchmod", errno, shown(entry));
  }
  if (entry.empty_directory) {
    if (renameat(parent, directory_temp_.c_str(), parent, entry.final_name.c_str()) != 0) {
      if (errno == ENOTEMPTY || errno == EEXIST) refuse_existing(shown(entry));
      throw system_error(ErrorCode::output, "rename", errno, shown(entry));
    }
    directory_temp_.clear();
    return;
  }
  if (exchange(parent, directory_temp_, entry.final_name) != 0) {
    throw system_error(ErrorCode::output, "rename", errno, shown(entry));
  }
  remove_flat_directory(parent, directory_temp_);  // now the old one
  directory_temp_.clear();
}

std::uint64_t free_bytes(const fs::path& directory) {
  struct statvfs s {};
  if (statvfs(directory.c_str(), &s) != 0) return ~std::uint64_t{0};
  return static_cast<std::uint64_t>(s.f_bavail) * s.f_frsize;
}

void reserve(const Descriptor& fd, std::uint64_t size, const std::string& name) {
  int result;
  do {
    result = fallocate(fd.get(), 0, 0, static_cast<off_t>(size));
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
    throw system_error(ErrorCode::output, "fallocate", errno, name);
  }
}

void write_at(const Descriptor& fd, std::uint64_t offset, std::span<const std::byte> bytes,
              const std::string& name) {
  // Larger ones make the kernel look for huge pages, which cost more to get than they save.
  constexpr std::size_t most_at_once = 1u << 20;
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), most_at_once - offset % most_at_once);
    ssize_t n = pwrite(fd.get(), bytes.data(), count, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(ErrorCode::output, "pwrite", errno, name);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

void read_at(const Descriptor& fd, std::uint64_t offset, std::span<std::byte> bytes,
             const std::string& name) {
  while (!bytes.empty()) {
    ssize_t n = pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(ErrorCode::output, "pread", errno, name);
    if (n == 0) {
      throw Error(ErrorCode::output, "short_file", "the output became shorter").in_file(name);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

}  // namespace tensorferry
