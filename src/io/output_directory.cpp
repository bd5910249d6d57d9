#include "io/output_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <set>

#include "io/system.h"
#include "util/manifest_json.h"

namespace tensorferry {
namespace {

constexpr char kManifest[] = "manifest.json";

Descriptor open_directory(int parent, const std::string& name) {
  return Descriptor(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

std::vector<std::string> entries_of(Descriptor directory) {
  std::vector<std::string> names;
  DIR* stream = fdopendir(directory.get());
  if (!stream) return names;
  directory.release();  // the stream owns and closes it
  while (const dirent* entry = readdir(stream)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  closedir(stream);
  return names;
}

/// The files that the folder's manifest names; empty when it has none that can be read.
std::set<std::string> listed_files(int directory) {
  std::set<std::string> names;
  Descriptor fd(openat(directory, kManifest, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat s {};
  if (!fd || fstat(fd.get(), &s) != 0 || !S_ISREG(s.st_mode)) return names;
  if (static_cast<std::uint64_t>(s.st_size) > Limits{}.header_bytes) return names;
  std::string text(static_cast<std::size_t>(s.st_size), '\0');
  if (pread(fd.get(), text.data(), text.size(), 0) != s.st_size) return names;
  try {
    for (const ManifestEntry& entry : parse_manifest(text, Limits{}).tensors)
      names.insert(entry.file);
    names.insert(kManifest);
  } catch (const Error&) {
    names.clear();  // not one of ours
  }
  return names;
}

}  // namespace

DirectoryContents look_into(int parent, const std::string& name, const std::string& shown) {
  Descriptor directory = open_directory(parent, name);
  if (!directory) throw system_error(ErrorCode::output, "open", errno, shown);
  Descriptor copy(fcntl(directory.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) throw system_error(ErrorCode::output, "dup", errno, shown);
  DirectoryContents contents;
  std::set<std::string> ours = listed_files(directory.get());
  for (const std::string& entry : entries_of(std::move(copy))) {
    contents.empty = false;
    struct stat s {};
    bool plain =
        fstatat(directory.get(), entry.c_str(), &s, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(s.st_mode);
    if (plain) {
      contents.files.push_back(
          {static_cast<std::uint64_t>(s.st_dev), static_cast<std::uint64_t>(s.st_ino), 0, 0});
    }
    if ((!plain || !ours.contains(entry)) && contents.foreign.empty()) contents.foreign = entry;
  }
  return contents;
}

void remove_flat_directory(int parent, const std::string& name) {
  if (Descriptor directory = open_directory(parent, name)) {
    Descriptor copy(fcntl(directory.get(), F_DUPFD_CLOEXEC, 0));
    for (const std::string& entry : entries_of(std::move(copy))) {
      unlinkat(directory.get(), entry.c_str(), 0);
    }
  }
  unlinkat(parent, name.c_str(), AT_REMOVEDIR);
}

int rename_new(int parent, const std::string& from, const std::string& to) {
  int result = static_cast<int>(
      syscall(SYS_renameat2, parent, from.c_str(), parent, to.c_str(), RENAME_NOREPLACE));
  if (result == 0 || (errno != EINVAL && errno != ENOSYS)) return result;
  // A file system without that flag: the check and the rename are two steps there.
  struct stat s {};
  if (fstatat(parent, to.c_str(), &s, AT_SYMLINK_NOFOLLOW) == 0) {
    errno = EEXIST;
    return -1;
  }
  return renameat(parent, from.c_str(), parent, to.c_str());
}

int exchange(int parent, const std::string& one, const std::string& other) {
  return static_cast<int>(
      syscall(SYS_renameat2, parent, one.c_str(), parent, other.c_str(), RENAME_EXCHANGE));
}

}  // namespace tensorferry
