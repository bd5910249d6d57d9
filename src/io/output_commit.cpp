// How an output gets its final names, and how it loses them again after an error.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "io/output_files.h"
#include "io/temporary_name.h"

namespace tensorferry {
namespace {

[[noreturn]] void refuse_appeared(const std::string& target) {
  throw Error(ErrorCode::output, "exists", "appeared while this conversion was running")
      .in_file(target);
}

/// The error of a failed call, with what could not be undone.
[[noreturn]] void fail(const char* operation, int error, const std::string& shown,
                       const std::string& also = {}) {
  const Error thrown = system_error(ErrorCode::output, operation, error, shown);
  throw Error(thrown.code(), thrown.detail(), thrown.message() + also).in_file(shown);
}

std::string stands_anyway(const std::string& old_name) {
  std::string text =
      "; the new output stands all the same, whole, but may not survive a crash of "
      "the system";
  if (!old_name.empty()) text += "; the old one is \"" + printable(old_name) + "\" beside it";
  return text;
}

}  // namespace

void OutputFiles::commit(bool sync) {
  if (target_.directory) {
    commit_directory(sync);
  } else if (entries_.size() == 1) {
    commit_file(sync);
  } else {
    commit_set(sync);
  }
  // The contents are safe: complete() has closed each file once and heard of no error.
  committed_ = true;
  for (Entry& entry : entries_) entry.file.close();
}

void OutputFiles::sync_parent() const {
  if (fsync(parent_fd_.get()) != 0) fail("fsync", errno, parent_.string());
}

void OutputFiles::keep_owner_and_mode(const Entry& entry, int fd) const {
  constexpr mode_t kModeBits = 07777, kWithoutPrivilege = 01777;
  if (S_ISLNK(entry.old.st_mode)) return;  // of a link they mean nothing
  struct stat s {};
  if (fstat(fd, &s) != 0) fail("fstat", errno, shown(entry));
  bool same_owner = s.st_uid == entry.old.st_uid && s.st_gid == entry.old.st_gid;
  if (!same_owner) {
    same_owner = fchown(fd, entry.old.st_uid, entry.old.st_gid) == 0;
    if (!same_owner && errno != EPERM && errno != EINVAL) fail("fchown", errno, shown(entry));
  }
  // after fchown, which clears what gives privileges
  const mode_t mode = entry.old.st_mode & (same_owner ? kModeBits : kWithoutPrivilege);
  if (fchmod(fd, mode) != 0) fail("fchmod", errno, shown(entry));
}

/// What is there now must be what was there when it was decided that it may go.
void OutputFiles::refuse_changed(const Entry& entry, const struct stat& now) const {
  if (identity_of(now) == identity_of(entry.old)) return;
  throw Error(ErrorCode::output, "changed",
              "was replaced or changed by somebody else while this conversion was running, and is "
              "left as it is; run it again")
      .in_file(shown(entry));
}

void OutputFiles::place(Entry& entry) {
  entry.file.unlock();
  if (entry.file.place(parent_fd_.get(), entry.final_name) == 0) return;
  if (errno == EEXIST) refuse_appeared(shown(entry));
  fail("linkat", errno, shown(entry));
}

// ---- one file

void OutputFiles::commit_file(bool sync) {
  Entry& entry = entries_[0];
  if (entry.exists) return replace_file(entry, sync);
  place(entry);
  if (!sync || fsync(parent_fd_.get()) == 0) return;
  const int error = errno;
  committed_ = unlinkat(parent_fd_.get(), entry.final_name.c_str(), 0) != 0;
  fail("fsync", error, parent_.string(), committed_ ? stands_anyway({}) : "");
}

void OutputFiles::replace_file(Entry& entry, bool sync) {
  const int parent = parent_fd_.get();
  keep_owner_and_mode(entry, entry.file.fd().get());
  entry.file.unlock();
  struct stat now {};
  if (fstatat(parent, entry.final_name.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0)
    fail("stat", errno, shown(entry));
  refuse_changed(entry, now);
  // From here on the hidden name may be that of what was there, which is never removed unseen.
  if (entry.file.give_name(parent, entry.final_name, Hidden::old) != 0)
    fail("linkat", errno, shown(entry));
  const std::string hidden = entry.file.name();
  if (exchange(parent, hidden, entry.final_name) != 0) {
    if (errno != EINVAL && errno != ENOSYS) fail("rename", errno, shown(entry));
    // A file system that cannot swap names: the old file is gone with this step.
    if (renameat(parent, hidden.c_str(), parent, entry.final_name.c_str()) != 0)
      fail("rename", errno, shown(entry));
    entry.file.forget_name();
    committed_ = true;
    if (sync && fsync(parent) != 0) fail("fsync", errno, parent_.string(), stands_anyway({}));
    return;
  }
  if (fstatat(parent, hidden.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0 ||
      identity_of(now) != identity_of(entry.old)) {
    committed_ = exchange(parent, hidden, entry.final_name) != 0;
    if (!committed_) refuse_changed(entry, now);
    fail("rename", errno, shown(entry), stands_anyway(hidden));
  }
  if (sync && fsync(parent) != 0) {
    const int error = errno;
    committed_ = exchange(parent, hidden, entry.final_name) != 0;
    fail("fsync", error, parent_.string(), committed_ ? stands_anyway(hidden) : "");
  }
  if (!entry.file.discard(parent)) {
    note("output.old_file", "the file that was replaced could not be removed (" +
                                system_message("unlinkat", errno) + ") and is \"" +
                                printable(hidden) + "\" beside the output");
    entry.file.forget_name();
  }
}

// ---- several files

std::vector<SetFile> OutputFiles::set_files() {
  std::vector<SetFile> files;
  for (Entry& entry : entries_) {
    struct stat s {};
    if (fstat(entry.file.fd().get(), &s) != 0) fail("fstat", errno, shown(entry));
    SetFile& file = files.emplace_back(SetFile{entry.final_name, identity_of(s), {}, {}});
    if (fstatat(parent_fd_.get(), entry.final_name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) fail("stat", errno, shown(entry));
      continue;
    }
    if (!entry.exists) refuse_appeared(shown(entry));
    refuse_changed(entry, s);
    file.old = identity_of(s);
    file.aside = temporary_name(entry.final_name, Hidden::old);
  }
  return files;
}

void OutputFiles::commit_set(bool sync) {
  for (const Entry& entry : entries_)
    if (entry.exists) keep_owner_and_mode(entry, entry.file.fd().get());
  SetJournal journal(parent_fd_.get(), set_files(), sync, shown(entries_[0]));
  try {
    journal.move_aside(shown(entries_[0]));
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) place(*entry);
    if (sync) sync_parent();
  } catch (const Error& error) {
    const std::string left = journal.undo();
    if (left.empty()) throw;
    throw Error(error.code(), error.detail(), error.message() + "; " + left).in_file(error.file());
  } catch (...) {
    static_cast<void>(journal.undo());
    throw;
  }
  journal.mark_standing();
  for (const std::string& left : journal.finish())
    note("output.old_file", "\"" + printable(left) +
                                "\", what is left of the files that were replaced, could not be "
                                "removed");
}

// ---- a folder

/// The files of a folder that is replaced belong to whom the folder belongs to.
void OutputFiles::keep_owner_of_files(const Entry& entry) const {
  struct stat s {};
  if (fstat(directory_fd_.get(), &s) != 0) fail("fstat", errno, shown(entry));
  if (s.st_uid == entry.old.st_uid && s.st_gid == entry.old.st_gid) return;
  for (const std::string_view name : target_.names) {
    if (fchownat(directory_fd_.get(), std::string(name).c_str(), entry.old.st_uid, entry.old.st_gid,
                 AT_SYMLINK_NOFOLLOW) != 0 &&
        errno != EPERM && errno != EINVAL && errno != ENOENT)
      fail("fchown", errno, shown(entry));
  }
}

void OutputFiles::commit_directory(bool sync) {
  Entry& entry = entries_[0];
  prepare_directory();
  if (sync && fsync(directory_fd_.get()) != 0) fail("fsync", errno, shown(entry));
  const int parent = parent_fd_.get();
  if (entry.exists) {
    keep_owner_of_files(entry);
    keep_owner_and_mode(entry, directory_fd_.get());
    if (!entry.empty_directory) return replace_directory(entry, sync);
  }
  const int result =
      entry.exists ? renameat(parent, directory_temp_.c_str(), parent, entry.final_name.c_str())
                   : rename_new(parent, directory_temp_, entry.final_name);
  if (result != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST) refuse_appeared(shown(entry));
    fail("rename", errno, shown(entry));
  }
  if (sync && fsync(parent) != 0) {
    const int error = errno;
    committed_ = rename_new(parent, entry.final_name, directory_temp_) != 0;
    if (!committed_ && entry.exists)
      mkdirat(parent, entry.final_name.c_str(), entry.old.st_mode & 07777);
    fail("fsync", error, parent_.string(), committed_ ? stands_anyway({}) : "");
  }
  directory_temp_.clear();
}

void OutputFiles::replace_directory(Entry& entry, bool sync) {
  const int parent = parent_fd_.get();
  // Again: it may be another folder by now, or have been filled.
  check_directory(entry, {});
  // From here on the hidden name may be that of the old folder, which is never removed unseen.
  const std::string hidden = temporary_name(entry.final_name, Hidden::old);
  if (rename_new(parent, directory_temp_, hidden) != 0) fail("rename", errno, shown(entry));
  directory_temp_ = hidden;
  if (exchange(parent, hidden, entry.final_name) != 0) {
    if (errno != EINVAL && errno != ENOSYS) fail("rename", errno, shown(entry));
    return replace_directory_in_steps(entry, sync);
  }
  if (sync && fsync(parent) != 0) {
    const int error = errno;
    committed_ = exchange(parent, hidden, entry.final_name) != 0;
    fail("fsync", error, parent_.string(), committed_ ? stands_anyway(hidden) : "");
  }
  directory_temp_.clear();
  std::string left = remove_replaced_folder(parent, hidden, entry.final_name, old_directory_);
  if (!left.empty()) note("output.replaced_folder", std::move(left));
}

/// Where the file system cannot swap names: for a moment there is no output.
void OutputFiles::replace_directory_in_steps(Entry& entry, bool sync) {
  const int parent = parent_fd_.get();
  const std::string aside = temporary_name(entry.final_name, Hidden::old);
  if (renameat(parent, entry.final_name.c_str(), parent, aside.c_str()) != 0)
    fail("rename", errno, shown(entry));
  const char* operation = "rename";
  bool failed = rename_new(parent, directory_temp_, entry.final_name) != 0;
  if (!failed && sync && fsync(parent) != 0) {
    failed = true;
    operation = "fsync";
  }
  if (failed) {
    const int error = errno;
    static_cast<void>(rename_new(parent, entry.final_name, directory_temp_));
    const bool back = rename_new(parent, aside, entry.final_name) == 0;
    fail(operation, error, shown(entry),
         back ? "" : "; the old folder is \"" + printable(aside) + "\" beside it");
  }
  directory_temp_.clear();
  std::string left = remove_replaced_folder(parent, aside, entry.final_name, old_directory_);
  if (!left.empty()) note("output.replaced_folder", std::move(left));
}

}  // namespace tensorferry
