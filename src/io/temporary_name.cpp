#include "io/temporary_name.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <mutex>
#include <random>
#include <span>
#include <string_view>
#include <system_error>

#include "io/list_directory.h"
#include "io/output_directory.h"
#include "io/system.h"
#include "util/crc32c.h"
#include "util/manifest_json.h"

namespace tensorferry {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";
constexpr std::size_t kRandomDigits = 8;
constexpr std::string_view kPart = ".tmp", kOld = ".old";

/// Of 255 bytes that a name may have; names that begin alike stay apart.
std::string start_of(const std::string& base) {
  constexpr std::size_t kMost = 180;
  if (base.size() <= kMost) return "." + base + ".";
  const std::uint32_t rest = crc32c(0, std::as_bytes(std::span(base)));
  return "." + base.substr(0, kMost - 8) + crc32c_to_hex(rest) + ".";
}

bool is_alive(pid_t process) { return kill(process, 0) == 0 || errno != ESRCH; }

bool is_hidden_name(std::string_view name) {
  return name.starts_with('.') && (name.ends_with(kPart) || name.ends_with(kOld));
}

bool is_leftover(std::string_view name, std::string_view start) {
  if (!name.starts_with(start) || !is_hidden_name(name)) return false;
  name.remove_prefix(start.size());
  pid_t process = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, process);
  if (error != std::errc{} || process <= 0 || stop == end || *stop != '.') return false;
  name.remove_prefix(static_cast<std::size_t>(stop - name.data()) + 1);
  if (name.size() != kRandomDigits + kPart.size()) return false;
  const std::string_view digits = name.substr(0, kRandomDigits);
  return digits.find_first_not_of(kDigits) == std::string_view::npos && !is_alive(process);
}

/// The hidden names in a folder. A batch asks for the same folder again and again: within a second
/// it gets the same answer, since what died meanwhile is found by the next run.
std::vector<std::string> hidden_names(int parent, const fs::path& folder) {
  using Clock = std::chrono::steady_clock;
  struct Last {
    fs::path folder;
    Clock::time_point time;
    std::vector<std::string> names;
  };
  static std::mutex mutex;
  static auto& last = *new Last;
  const std::lock_guard lock(mutex);
  const auto now = Clock::now();
  if (last.folder != folder || now - last.time > std::chrono::seconds(1)) {
    last.names.clear();
    last.folder = folder;
    last.time = now;
    for (ListedEntry& entry : list_directory(parent, ErrorCode::output, folder.string()))
      if (is_hidden_name(entry.name)) last.names.push_back(std::move(entry.name));
  }
  return last.names;
}

/// A process that this one cannot see, in another container or on another machine, holds a lock on
/// what it makes.
bool is_locked(int parent, const std::string& name) {
  const Descriptor fd(openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  return fd && flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

/// What was replaced comes back where nothing has replaced it, else it goes.
std::string mend_interrupted(int parent, const std::string& hidden, const std::string& base) {
  struct stat s {
  }, other{};
  if (fstatat(parent, hidden.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) return {};
  if (fstatat(parent, base.c_str(), &other, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT || rename_new(parent, hidden, base) != 0)
      return "an interrupted run has left what it was replacing as \"" + printable(hidden) + "\"";
    return "what an interrupted run had moved aside is back as \"" + printable(base) + "\"";
  }
  if (S_ISDIR(s.st_mode)) return remove_interrupted_folder(parent, hidden, base);
  if (unlinkat(parent, hidden.c_str(), 0) == 0) return {};
  return "what an interrupted run had replaced could not be removed and is \"" + printable(hidden) +
         "\"";
}

}  // namespace

std::string temporary_name(const std::string& base, Hidden kind) {
  std::random_device random;
  std::string name = start_of(base) + std::to_string(getpid()) + ".";
  for (std::size_t i = 0; i < kRandomDigits; ++i) name += kDigits[random() % kDigits.size()];
  return name.append(kind == Hidden::part ? kPart : kOld);
}

std::string journal_name(const std::string& base) { return start_of(base) + "commit"; }

std::vector<std::string> remove_leftovers(const fs::path& folder, const std::string& base) {
  std::vector<std::string> told;
  const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent) return told;
  const std::string start = start_of(base);
  std::vector<std::string> names;
  try {
    names = hidden_names(parent.get(), folder);
  } catch (const Error&) {
    return told;  // a folder that may be written and not listed
  }
  for (const std::string& name : names) {
    if (!is_leftover(name, start) || is_locked(parent.get(), name)) continue;
    if (name.ends_with(kOld)) {
      std::string text = mend_interrupted(parent.get(), name, base);
      if (!text.empty()) told.push_back(std::move(text));
    } else if (unlinkat(parent.get(), name.c_str(), 0) != 0 && errno == EISDIR) {
      static_cast<void>(remove_flat_directory(parent.get(), name));
    }
  }
  return told;
}

}  // namespace tensorferry
