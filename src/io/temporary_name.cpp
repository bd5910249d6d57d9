#include "io/temporary_name.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <random>
#include <string_view>
#include <system_error>
#include <vector>

#include "io/output_directory.h"
#include "io/system.h"

namespace tensorferry {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";
constexpr std::size_t kRandomDigits = 8;
constexpr std::string_view kEnd = ".tmp";

// of 255 bytes that a name may have
std::string start_of(const std::string& base) { return "." + base.substr(0, 180) + "."; }

bool is_alive(pid_t process) { return kill(process, 0) == 0 || errno != ESRCH; }

bool is_leftover(std::string_view name, std::string_view start) {
  if (!name.starts_with(start) || !name.ends_with(kEnd)) return false;
  name.remove_prefix(start.size());
  pid_t process = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, process);
  if (error != std::errc{} || process <= 0 || stop == end || *stop != '.') return false;
  name.remove_prefix(static_cast<std::size_t>(stop - name.data()) + 1);
  if (name.size() != kRandomDigits + kEnd.size()) return false;
  const std::string_view digits = name.substr(0, kRandomDigits);
  return digits.find_first_not_of(kDigits) == std::string_view::npos && !is_alive(process);
}

}  // namespace

std::string temporary_name(const std::string& base) {
  std::random_device random;
  std::string name = start_of(base) + std::to_string(getpid()) + ".";
  for (std::size_t i = 0; i < kRandomDigits; ++i) name += kDigits[random() % kDigits.size()];
  return name.append(kEnd);
}

void remove_leftovers(const fs::path& folder, const std::string& base) {
  const std::string start = start_of(base);
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::string name = at->path().filename().string();
    if (is_leftover(name, start)) found.push_back(std::move(name));
  }
  const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent) return;
  for (const std::string& name : found)
    if (unlinkat(parent.get(), name.c_str(), 0) != 0) remove_flat_directory(parent.get(), name);
}

}  // namespace tensorferry
