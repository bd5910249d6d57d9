#include "io/commit_journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "io/list_directory.h"
#include "io/system.h"
#include "io/temporary_name.h"

namespace tensorferry {
namespace {

/// How every version of a journal begins.
constexpr std::string_view kTitle = commit_journal_title.substr(0, commit_journal_title.size() - 1);

bool has_title(int folder, const std::string& name) {
  const Descriptor fd(openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat s {};
  if (!fd || fstat(fd.get(), &s) != 0 || !S_ISREG(s.st_mode)) return false;
  char start[kTitle.size()];
  return pread(fd.get(), start, sizeof start, 0) == static_cast<ssize_t>(sizeof start) &&
         std::string_view(start, sizeof start) == kTitle;
}

/// `name` is that of a journal: the set's first file is there.
bool stands(int folder, std::string name, std::string_view ending) {
  name.resize(name.size() - ending.size());
  struct stat s {};
  return name.size() > 1 && fstatat(folder, name.c_str() + 1, &s, 0) == 0;
}

}  // namespace

bool has_commit_journal(const std::string& folder, std::string_view base) {
  const std::string none = journal_name("");  // "..commit"
  const std::string_view ending = std::string_view(none).substr(1);
  // ".BASE." also begins the name of what is called BASE.index
  std::string start = base.empty() ? "." : journal_name(std::string(base));
  if (!base.empty()) start.resize(start.size() - ending.size() + 1);
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return false;
  std::vector<ListedEntry> entries;
  try {
    entries = list_directory(fd.get(), ErrorCode::input, folder);
  } catch (const Error&) {
    return false;  // who reads the folder is told
  }
  return std::any_of(entries.begin(), entries.end(), [&](const ListedEntry& entry) {
    return entry.name.starts_with(start) && entry.name.ends_with(ending) &&
           has_title(fd.get(), entry.name) && !stands(fd.get(), entry.name, ending);
  });
}

}  // namespace tensorferry
