#include "io/output_directory.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <optional>
#include <random>

#include "io/list_directory.h"
#include "io/system.h"
#include "util/manifest_json.h"
#include "util/npy_header.h"

namespace tensorferry {
namespace {

const std::string kManifest(manifest_file_name);

Descriptor open_directory(int parent, const std::string& name) {
  return Descriptor(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// The first bytes of a regular file, at most `most`; nothing when it is something else.
std::optional<std::string> beginning(int directory, const std::string& name, std::uint64_t most) {
  const Descriptor fd(
      openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat s {};
  if (!fd || fstat(fd.get(), &s) != 0 || !S_ISREG(s.st_mode)) return std::nullopt;
  std::string text(std::min(static_cast<std::uint64_t>(s.st_size), most), '\0');
  for (std::size_t have = 0; have < text.size();) {
    const ssize_t n =
        pread(fd.get(), text.data() + have, text.size() - have, static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    have += static_cast<std::size_t>(n);
  }
  return text;
}

/// What a manifest says of one file.
struct Listed {
  Shape shape;  // of the last array in it
  std::uint64_t end = 0;
};

/// Empty when the folder has no manifest that can be read: then nothing in it is ours.
std::map<std::string, Listed> listed_files(int directory) {
  std::map<std::string, Listed> files;
  const std::uint64_t most = Limits{}.header_bytes;
  const auto text = beginning(directory, kManifest, most + 1);
  if (!text || text->size() > most) return files;
  try {
    for (const ManifestEntry& entry : parse_manifest(*text, Limits{}).tensors) {
      Listed& file = files[entry.file];
      file.shape = entry.shape;
      file.end = std::max(file.end, entry.offset + entry.length.value_or(0));
    }
  } catch (const Error&) {
    files.clear();
  }
  return files;
}

/// A manifest may name anything; the name and the beginning of a file must say the same.
bool is_as_listed(int directory, const std::string& name, const FileState& state,
                  const Listed& listed) {
  if (name.ends_with(".bin")) return state.identity.size == listed.end;
  if (!name.ends_with(".npy")) return false;
  constexpr std::uint64_t kMostOfHeader = 4096;  // ours take less at the highest rank
  const auto start = beginning(directory, name, kMostOfHeader);
  if (!start || !start->starts_with(npy_magic)) return false;
  try {
    return read_npy_header(*memory_file(name, *start), 0, start->size()).shape == listed.shape;
  } catch (const Error&) {
    return false;
  }
}

/// Gives the folder a name that people see. What to tell.
std::string show_folder(int parent, const std::string& hidden, const std::string& base,
                        const std::string& why) {
  std::random_device random;
  const std::string seen = base.substr(0, 200) + ".replaced-" + std::to_string(random());
  const bool renamed = rename_new(parent, hidden, seen) == 0;
  return "the folder that was replaced stays beside the output as \"" +
         printable(renamed ? seen : hidden) + "\": " + why;
}

}  // namespace

DirectoryContents look_into(int parent, const std::string& name, const std::string& shown,
                            const DirectoryContents& known) {
  const Descriptor directory = open_directory(parent, name);
  if (!directory) throw system_error(ErrorCode::output, "open", errno, shown);
  DirectoryContents contents;
  const auto ours = listed_files(directory.get());
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  auto entries = list_directory(directory.get(), ErrorCode::output, shown);
  std::sort(entries.begin(), entries.end(), by_name);
  for (const ListedEntry& entry : entries) {
    contents.empty = false;
    struct stat s {};
    if (fstatat(directory.get(), entry.name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      throw system_error(ErrorCode::output, "stat", errno, shown);
    }
    const bool plain = S_ISREG(s.st_mode);
    bool recognised = false;
    if (plain) {
      const DirectoryContents::Item item{entry.name, state_of(s)};
      const auto before = std::lower_bound(known.files.begin(), known.files.end(), item, by_name);
      const auto listed = ours.find(entry.name);
      recognised = (before != known.files.end() && before->name == item.name &&
                    before->state == item.state) ||
                   (entry.name == kManifest && !ours.empty()) ||
                   (listed != ours.end() &&
                    is_as_listed(directory.get(), entry.name, item.state, listed->second));
      contents.files.push_back(item);
    }
    if (!recognised && contents.foreign.empty()) contents.foreign = entry.name;
  }
  return contents;
}

bool remove_flat_directory(int parent, const std::string& name) {
  if (const Descriptor directory = open_directory(parent, name)) {
    try {
      for (const ListedEntry& entry : list_directory(directory.get(), ErrorCode::output, name))
        unlinkat(directory.get(), entry.name.c_str(), 0);
    } catch (const Error&) {
      // what is left is seen below
    }
  }
  return unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
}

std::string remove_replaced_folder(int parent, const std::string& hidden, const std::string& base,
                                   const DirectoryContents& checked) {
  std::string why;
  if (const Descriptor directory = open_directory(parent, hidden)) {
    const auto remove = [&](const DirectoryContents::Item& item) {
      struct stat s {};
      if (fstatat(directory.get(), item.name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return;
        why = "\"" + printable(item.name) + "\" could not be looked at (" +
              system_message("stat", errno) + ")";
        return;
      }
      const bool same = S_ISREG(s.st_mode) && state_of(s) == item.state;
      if (same && unlinkat(directory.get(), item.name.c_str(), 0) == 0) return;
      why = "\"" + printable(item.name) + "\" " +
            (same ? "could not be removed (" + system_message("remove", errno) + ")"
                  : std::string("has changed since the conversion began"));
    };
    // The manifest says what the rest is, should this be interrupted, or something stay.
    for (const DirectoryContents::Item& item : checked.files)
      if (item.name != kManifest) remove(item);
    for (const DirectoryContents::Item& item : checked.files)
      if (item.name == kManifest && why.empty()) remove(item);
  } else {
    why = "it could not be opened (" + system_message("open", errno) + ")";
  }
  if (unlinkat(parent, hidden.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  if (why.empty()) {
    why = errno == ENOTEMPTY || errno == EEXIST
              ? "files that this program did not write appeared in it"
              : "it could not be removed (" + system_message("remove", errno) + ")";
  }
  return show_folder(parent, hidden, base, why);
}

std::string remove_interrupted_folder(int parent, const std::string& hidden,
                                      const std::string& base) {
  try {
    const DirectoryContents contents = look_into(parent, hidden, hidden);
    if (contents.empty || contents.foreign.empty())
      return remove_replaced_folder(parent, hidden, base, contents);
    return show_folder(parent, hidden, base,
                       "\"" + printable(contents.foreign) + "\" was not written by this program");
  } catch (const Error& error) {
    if (error.detail() == "missing") return {};
    return "an interrupted run has left the folder \"" + printable(hidden) +
           "\", which cannot be read: " + error.message();
  }
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
