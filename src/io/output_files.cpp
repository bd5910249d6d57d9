#include "io/output_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "io/temporary_name.h"

namespace tensorferry {

namespace fs = std::filesystem;

namespace {

constexpr int kCreateFlags = O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC;
constexpr mode_t kFileMode = 0666;  // less the umask

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
  fs::path full = absolute_path(target_.path, ErrorCode::output);
  if (full.filename().empty()) full = full.parent_path();  // a trailing slash
  parent_ = full.parent_path();
  check_parent();
  if (target_.directory) {
    entries_.emplace_back().final_name = full.filename().string();
  } else {
    for (const std::string_view name : target_.names)
      entries_.emplace_back().final_name = name.empty() ? full.filename().string() : name;
  }
  mend();
  try {
    for (Entry& entry : entries_) check_target(entry, sources);
    lock_set();
  } catch (const Error& error) {
    std::string done;  // told here, since there will be no receipt
    for (const Note& note : notes_) done += "; " + note.text;
    throw Error(error.code(), error.detail(), error.message() + done).in_file(error.file());
  }
}

OutputFiles::~OutputFiles() { static_cast<void>(abandon()); }

std::string OutputFiles::abandon() {
  if (committed_) return {};
  std::string left;
  for (Entry& entry : entries_) {
    if (!entry.file.discard(parent_fd_.get())) left = entry.file.name();
  }
  if (!directory_temp_.empty()) {
    if (remove_flat_directory(parent_fd_.get(), directory_temp_)) {
      directory_temp_.clear();
    } else {
      left = directory_temp_;
    }
  }
  return left.empty() ? left
                      : "; \"" + printable(left) +
                            "\" beside the output could not be removed (the next conversion to it "
                            "will try)";
}

void OutputFiles::note(std::string_view id, std::string text) {
  notes_.push_back({std::string(id), std::move(text)});
}

void OutputFiles::mend() {
  for (const Entry& entry : entries_) {
    std::string done = mend_interrupted_set(parent_fd_.get(), entry.final_name, shown(entry));
    if (!done.empty()) note("output.interrupted", std::move(done));
    struct stat s {};
    const bool replaced =
        fstatat(parent_fd_.get(), entry.final_name.c_str(), &s, AT_SYMLINK_NOFOLLOW) == 0;
    if (!replaced && !target_.directory && has_unnamed_files()) continue;  // nothing can be left
    for (std::string& text : remove_leftovers(parent_, entry.final_name))
      note("output.replaced_folder", std::move(text));
  }
}

std::string OutputFiles::shown(const Entry& entry) const {
  if (target_.directory) return target_.path.string();
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
    for (const auto& source : sources) {
      if (source->identity().same_file(identity_of(s))) refuse_same(shown(entry), *source);
    }
  }
  if (fstatat(parent_fd_.get(), entry.final_name.c_str(), &entry.old, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return;
    throw system_error(ErrorCode::output, "stat", errno, shown(entry));
  }
  entry.exists = true;
  if (target_.directory) return check_directory(entry, sources);
  if (!target_.overwrite) refuse_existing(shown(entry));
  const mode_t mode = entry.old.st_mode;
  if (S_ISREG(mode) || S_ISLNK(mode)) return;
  const std::string kind = S_ISDIR(mode) ? "a folder, and this output is a file: name a file in it"
                           : S_ISFIFO(mode) ? "a FIFO"
                           : S_ISCHR(mode)  ? "a character device"
                           : S_ISBLK(mode)  ? "a block device"
                                            : "a socket";
  throw Error(
      ErrorCode::output, "special_file",
      "is " + kind + (S_ISDIR(mode) ? "" : ": only regular files are replaced; name another file"))
      .in_file(shown(entry));
}

void OutputFiles::check_directory(Entry& entry,
                                  std::span<const std::shared_ptr<const File>> sources) {
  if (!S_ISDIR(entry.old.st_mode)) {
    throw Error(ErrorCode::output, "exists",
                "exists and is not a folder, as this output is one: name another folder")
        .in_file(shown(entry));
  }
  old_directory_ = look_into(parent_fd_.get(), entry.final_name, shown(entry), old_directory_);
  for (const auto& source : sources) {
    for (const DirectoryContents::Item& inside : old_directory_.files) {
      if (source->identity().same_file(inside.state.identity)) refuse_same(shown(entry), *source);
    }
  }
  entry.empty_directory = old_directory_.empty;
  if (entry.empty_directory) return;
  if (!target_.overwrite) refuse_existing(shown(entry));
  if (old_directory_.foreign.empty()) return;
  throw Error(ErrorCode::output, "foreign_files",
              "is not a folder that this program wrote: \"" + printable(old_directory_.foreign) +
                  "\" would be lost; remove the folder yourself or name another one")
      .in_file(shown(entry));
}

/// Of two conversions that replace the same set the second is told at once, not after its work.
void OutputFiles::lock_set() {
  const Entry& first = entries_.front();
  if (entries_.size() < 2 || !first.exists || !S_ISREG(first.old.st_mode)) return;
  old_set_ = Descriptor(openat(parent_fd_.get(), first.final_name.c_str(),
                               O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!old_set_ || flock(old_set_.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  throw Error(ErrorCode::output, "busy", "another conversion is replacing it at this moment")
      .in_file(shown(first));
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
  flock(directory_fd_.get(), LOCK_EX | LOCK_NB);  // for those who look for leftovers
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
  if (!entry.file) entry.file = HiddenFile(parent_fd_.get(), entry.final_name, shown(entry));
  Descriptor copy(fcntl(entry.file.fd().get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) throw system_error(ErrorCode::output, "dup", errno, shown(entry));
  return copy;
}

fs::path OutputFiles::path_of(std::size_t index) const {
  if (target_.directory) return parent_ / directory_temp_ / target_.names[index];
  return entries_[index].file.path(parent_);
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

}  // namespace tensorferry
