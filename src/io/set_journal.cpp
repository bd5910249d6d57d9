#include "io/set_journal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>
#include <string_view>

#include "io/commit_journal.h"
#include "io/hidden_file.h"
#include "io/output_bytes.h"
#include "io/output_directory.h"
#include "io/temporary_name.h"
#include "tensorferry/manifest.h"

namespace tensorferry {
namespace {

constexpr std::string_view kTitle = commit_journal_title;
// The second line: whether the new set has all its names.
constexpr std::string_view kBegun = "begun ", kStands = "stands";

std::string host_name() {
  utsname host{};
  return uname(&host) == 0 ? host.nodename : "";
}

void refuse_busy(const std::string& shown, const std::string& journal) {
  throw Error(
      ErrorCode::output, "busy",
      "another conversion is writing it at this moment (if none is running on any machine, remove "
      "\"" +
          printable(journal) + "\" beside it)")
      .in_file(shown);
}

// ---- the text: a line for the process, then for each file a line of numbers and two names that
// end in NUL

void put(std::ostream& out, const FileIdentity& file) {
  out << file.device << ' ' << file.inode << ' ' << file.size << ' ' << file.modified_ns << ' ';
}

std::string text_of(const std::vector<SetFile>& files) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << kTitle << '\n'
      << kBegun << '\n'
      << getpid() << ' ' << files.size() << ' ' << host_name() << '\n';
  for (const SetFile& file : files) {
    put(out, file.fresh);
    put(out, file.old.value_or(FileIdentity{}));
    out << '\n' << file.name << '\0' << file.aside << '\0';
  }
  return out.str();
}

struct Record {
  bool stands = false;
  pid_t process = 0;
  std::string host;
  std::vector<SetFile> files;
};

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

std::optional<Record> parse(const std::string& text) {
  std::istringstream in(text);
  in.imbue(std::locale::classic());
  std::string line;
  if (!std::getline(in, line) || line != kTitle) return std::nullopt;
  Record record;
  if (!std::getline(in, line) || (line != kBegun && line != kStands)) return std::nullopt;
  record.stands = line == kStands;
  std::size_t count = 0;
  if (!(in >> record.process >> count) || count == 0 || count > text.size()) return std::nullopt;
  in.get();
  std::getline(in, record.host);
  const auto get = [&](FileIdentity& file) {
    return static_cast<bool>(in >> file.device >> file.inode >> file.size >> file.modified_ns);
  };
  for (std::size_t i = 0; i < count; ++i) {
    SetFile file;
    FileIdentity old;
    if (!get(file.fresh) || !get(old)) return std::nullopt;
    in.get();  // a blank
    if (in.get() != '\n') return std::nullopt;
    if (!std::getline(in, file.name, '\0') || !std::getline(in, file.aside, '\0') || in.eof())
      return std::nullopt;
    if (old.inode != 0) file.old = old;
    if (!is_plain_name(file.name) || (file.old && !is_plain_name(file.aside))) return std::nullopt;
    record.files.push_back(std::move(file));
  }
  return record;
}

// ---- what is on disk

/// Nothing when there is no such file. What cannot be looked at is an error, since nothing may be
/// taken for absent that only could not be seen.
std::optional<FileIdentity> identity_at(int parent, const std::string& name) {
  struct stat s {};
  if (fstatat(parent, name.c_str(), &s, AT_SYMLINK_NOFOLLOW) == 0) return identity_of(s);
  if (errno == ENOENT) return std::nullopt;
  throw system_error(ErrorCode::output, "stat", errno, name);
}

/// Devices are numbered anew when a file system is mounted.
bool is_fresh(const std::optional<FileIdentity>& there, const SetFile& file) {
  return there && there->inode == file.fresh.inode && there->size == file.fresh.size &&
         there->modified_ns == file.fresh.modified_ns;
}

/// What stands in the way of putting the old files back; empty = nothing. Looks, and changes
/// nothing.
std::string obstacle(int parent, const std::vector<SetFile>& files) {
  for (const SetFile& file : files) {
    const auto there = identity_at(parent, file.name);
    if (!there || is_fresh(there, file) || !file.old || !identity_at(parent, file.aside)) continue;
    return "\"" + printable(file.name) + "\" is a file that neither conversion wrote, and \"" +
           printable(file.aside) + "\" holds what it replaced";
  }
  return {};
}

/// Stops at the first thing that cannot be done: whatever remains is no readable mixture. Returns
/// what that was.
std::string put_back(int parent, const std::vector<SetFile>& files) {
  try {
    std::string why = obstacle(parent, files);
    if (!why.empty()) return why;
    for (const SetFile& file : files) {
      if (!is_fresh(identity_at(parent, file.name), file)) continue;
      if (unlinkat(parent, file.name.c_str(), 0) != 0)
        return "the new file \"" + printable(file.name) + "\" could not be removed (" +
               system_message("unlinkat", errno) + ")";
    }
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
      if (!file->old || !identity_at(parent, file->aside)) continue;
      if (rename_new(parent, file->aside, file->name) != 0)
        return "the old file \"" + printable(file->name) + "\" could not be put back (" +
               system_message("rename", errno) + ") and is \"" + printable(file->aside) + "\" now";
    }
  } catch (const Error& error) {
    return "\"" + printable(error.file()) + "\" could not be looked at (" + error.message() +
           "), so that old files are left under hidden names that end in .old";
  }
  return {};
}

/// What is left.
std::vector<std::string> remove_old(int parent, const std::vector<SetFile>& files) {
  std::vector<std::string> left;
  for (const SetFile& file : files) {
    if (file.old && unlinkat(parent, file.aside.c_str(), 0) != 0 && errno != ENOENT)
      left.push_back(file.aside);
  }
  return left;
}

std::string read_all(const Descriptor& fd, const std::string& name) {
  struct stat s {};
  if (fstat(fd.get(), &s) != 0) throw system_error(ErrorCode::output, "fstat", errno, name);
  const auto size = static_cast<std::uint64_t>(s.st_size);
  if (!S_ISREG(s.st_mode) || size > Limits{}.header_bytes) return {};
  std::string text(size, '\0');
  read_at(fd, 0, std::as_writable_bytes(std::span(text)), name);
  return text;
}

/// Whether the process that wrote the journal may be alive, where the system gives no locks.
bool may_be_alive(const std::optional<Record>& record) {
  if (!record) return false;
  return record->host != host_name() || kill(record->process, 0) == 0 || errno != ESRCH;
}

}  // namespace

SetJournal::SetJournal(int parent, std::vector<SetFile> files, bool sync, const std::string& shown)
    : parent_(parent), name_(journal_name(files.at(0).name)), files_(std::move(files)) {
  const std::string text = text_of(files_);
  HiddenFile file(parent, files_[0].name, shown);
  try {
    write_at(file.fd(), 0, std::as_bytes(std::span(text)), shown);
    if (sync && fdatasync(file.fd().get()) != 0)
      throw system_error(ErrorCode::output, "fdatasync", errno, shown);
    file.lock();
    if (file.place(parent, name_) != 0) {
      if (errno == EEXIST) refuse_busy(shown, name_);
      throw system_error(ErrorCode::output, "linkat", errno, shown);
    }
  } catch (...) {
    file.discard(parent);
    throw;
  }
  fd_ = file.take();
  if (sync && fsync(parent) != 0) {
    const int error = errno;
    unlinkat(parent, name_.c_str(), 0);
    throw system_error(ErrorCode::output, "fsync", error, shown);
  }
}

void SetJournal::move_aside(const std::string& shown) const {
  for (const SetFile& file : files_) {
    if (!file.old) continue;
    if (renameat(parent_, file.name.c_str(), parent_, file.aside.c_str()) != 0)
      throw system_error(ErrorCode::output, "rename", errno, shown);
    if (identity_at(parent_, file.aside) == file.old) continue;
    std::string message =
        "\"" + printable(file.name) + "\" was replaced by somebody else meanwhile";
    if (rename_new(parent_, file.aside, file.name) != 0)
      message += ", and is \"" + printable(file.aside) + "\" now";
    throw Error(ErrorCode::output, "changed", message).in_file(shown);
  }
}

std::string SetJournal::undo() {
  std::string why = put_back(parent_, files_);
  if (!why.empty()) {
    return why + "; the same conversion, run again with --overwrite, first mends that";
  }
  if (unlinkat(parent_, name_.c_str(), 0) != 0 && errno != ENOENT)
    return "\"" + printable(name_) + "\" could not be removed (" +
           system_message("unlinkat", errno) + ")";
  return {};
}

void SetJournal::mark_standing() const {
  // Not needed while the first file is what it is now: whoever edits it later leaves no trace of
  // it.
  static_cast<void>(
      pwrite(fd_.get(), kStands.data(), kStands.size(), static_cast<off_t>(kTitle.size() + 1)));
}

std::vector<std::string> SetJournal::finish() {
  std::vector<std::string> left = remove_old(parent_, files_);
  // As long as one is left the journal is, too: by it the next conversion removes them.
  if (!left.empty() || (unlinkat(parent_, name_.c_str(), 0) != 0 && errno != ENOENT))
    left.push_back(name_);
  return left;
}

std::string mend_interrupted_set(int parent, const std::string& base, const std::string& shown) {
  const std::string name = journal_name(base);
  constexpr int kFlags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  Descriptor fd(openat(parent, name.c_str(), O_RDWR | kFlags));
  if (!fd && errno == ENOENT) return {};
  if (!fd) fd = Descriptor(openat(parent, name.c_str(), O_RDONLY | kFlags));
  if (!fd) throw system_error(ErrorCode::output, "open", errno, name);
  const bool locked = flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
  if (!locked && errno == EWOULDBLOCK) refuse_busy(shown, name);
  struct stat s {};
  if (fstat(fd.get(), &s) != 0) throw system_error(ErrorCode::output, "fstat", errno, name);
  const auto there = identity_at(parent, name);
  if (!there || !there->same_file(identity_of(s))) return {};  // it was finished just now
  const std::string text = read_all(fd, name);
  if (!text.starts_with(kTitle)) return {};  // somebody's own file
  const auto record = parse(text);
  if (!locked && may_be_alive(record)) refuse_busy(shown, name);
  const auto refuse = [&](const std::string& why) {
    throw Error(
        ErrorCode::output, "interrupted",
        "an earlier conversion was interrupted while it gave this output its names, and \"" +
            printable(name) + "\" beside it, which says how, " + why)
        .in_file(shown);
  };
  if (s.st_uid != geteuid()) refuse("belongs to another user, who can run it again");
  if (!record || record->files[0].name != base) {
    refuse("is damaged: look for hidden files beside the output that end in .old, and remove it");
  }
  const std::vector<SetFile>& files = record->files;
  std::string done;
  if (record->stands || is_fresh(identity_at(parent, files[0].name), files[0])) {
    const auto left = remove_old(parent, files);
    if (!left.empty()) refuse("names files that cannot be removed: \"" + printable(left[0]) + "\"");
    done =
        "an earlier conversion was interrupted after its output stood: what it replaced was "
        "removed";
  } else {
    const std::string why = put_back(parent, files);
    if (!why.empty()) refuse("cannot be followed: " + why);
    done = files[0].old ? "an earlier conversion was interrupted: the files it was replacing were "
                          "put back first"
                        : "an earlier conversion was interrupted: what it left was removed first";
  }
  if (unlinkat(parent, name.c_str(), 0) != 0)
    throw system_error(ErrorCode::output, "unlink", errno, name);
  return done;
}

}  // namespace tensorferry
