#include "io/temporary_name.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <mutex>
#include <random>
#include <string_view>
#include <system_error>

#include "io/list_directory.h"
#include "io/output_directory.h"
#include "io/system.h"

namespace tensorferry {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";
constexpr std::size_t kRandomDigits = 8;
constexpr std::string_view kPart = ".tmp", kOld = ".old";

// of 255 bytes that a name may have
std::string start_of(const std::string& base) { return "." + base.substr(0, 180) + "."; }

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
      std::string text = remove_interrupted_folder(parent.get(), name, base);
      if (!text.empty()) told.push_back(std::move(text));
    } else if (unlinkat(parent.get(), name.c_str(), 0) != 0 && errno == EISDIR) {
      static_cast<void>(remove_flat_directory(parent.get(), name));
    }
  }
  return told;
}

}  // namespace tensorferry
