// From what a person names to an Input: files, folders, prefixes, pipes, descriptors.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include "io/commit_journal.h"
#include "io/disk_file.h"
#include "io/input_source.h"
#include "io/piped_file.h"
#include "tensorferry/error.h"
#include "tensorferry/input.h"

namespace tensorferry {
namespace {

namespace fs = std::filesystem;

bool is_continuation(std::string_view name, std::string_view prefix) {
  return name.size() > prefix.size() && name.starts_with(prefix) &&
         (name[prefix.size()] == '.' || name[prefix.size()] == '-');
}

/// N when the path means the process's own descriptor N: /dev/stdin, /dev/fd/N, /proc/self/fd/N.
std::optional<int> own_descriptor(fs::path path) {
  constexpr int kMostLinks = 8;
  const std::string process = "/proc/" + std::to_string(getpid()) + "/";
  for (int i = 0; i < kMostLinks; ++i) {
    if (!path.string().starts_with("/dev/") && !path.string().starts_with("/proc/")) break;
    const std::string folder = real_path(path.parent_path().string());
    if (folder.starts_with(process) && folder.ends_with("/fd")) {
      const std::string digits = path.filename().string();
      const char* end = digits.data() + digits.size();
      int descriptor = -1;
      const auto [stop, error] = std::from_chars(digits.data(), end, descriptor);
      if (error != std::errc{} || stop != end) return std::nullopt;
      return descriptor;
    }
    std::error_code error;
    const fs::path target = fs::read_symlink(path, error);
    if (error) break;
    path = (path.parent_path() / target).lexically_normal();
  }
  return std::nullopt;
}

/// A program that listens there says everything it has to say.
Descriptor connect_to(const std::string& path, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw system_error(ErrorCode::input, "connect", ENAMETOOLONG, name);
  }
  path.copy(address.sun_path, path.size());
  Descriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw system_error(ErrorCode::input, "connect", errno, name);
  }
  return fd;
}

/// A set of files that has only some of its names would look like a smaller model.
[[noreturn]] void refuse_unfinished(const std::string& name, const char* what) {
  throw Error(ErrorCode::input, "unfinished",
              std::string("a conversion is writing ") + what +
                  " at this moment, or was interrupted while it did; when none is running, the "
                  "same conversion, run again, mends that")
      .in_file(name);
}

/// Waits for whoever writes into the FIFO.
Descriptor open_fifo(const std::string& path, const std::string& name) {
  for (;;) {
    Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd) return fd;
    if (errno != EINTR) throw system_error(ErrorCode::input, "open", errno, name);
  }
}

}  // namespace

Input Input::from_pipe(int descriptor, std::string name, std::string leaf,
                       const OpenOptions& options) {
  Input input(no_siblings(name), Kind::file, name, std::move(leaf));
  input.is_stream_ = true;
  input.file_ = piped_file(std::move(name), descriptor, options.spool_memory);
  input.source_->add_opened(input.file_);
  return input;
}

Input Input::open_named(const std::string& full, std::string name, std::string shown,
                        std::string leaf, const OpenOptions& options) {
  const fs::path parent = fs::path(full).parent_path();
  Input input(disk_source(parent, std::move(shown), fs::path(full).filename().string(),
                          options.follow_links),
              Kind::file, name, std::move(leaf));
  auto open_again = [full, name] { return open_path(full, name); };
  input.file_ = disk_file(std::move(name), std::move(open_again));
  input.source_->add_opened(input.file_);
  return input;
}

Input Input::stream(int descriptor, std::string name, const OpenOptions& options) {
  struct stat s {};
  if (fstat(descriptor, &s) != 0) throw system_error(ErrorCode::input, "fstat", errno, name);
  if (S_ISFIFO(s.st_mode) || S_ISSOCK(s.st_mode)) {
    return from_pipe(descriptor, std::move(name), "stdin", options);
  }
  if (isatty(descriptor) != 0) {
    throw Error(ErrorCode::input, "special_file", "is a terminal; send a file through a pipe")
        .in_file(name);
  }
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  if (S_ISDIR(s.st_mode)) {
    return Input(disk_source(path, name + "/", "", options.follow_links), Kind::directory, name,
                 "");
  }
  refuse_special(s.st_mode, name);
  const std::string real = real_path(path);
  struct stat there {};
  const bool has_name = !real.empty() && ::stat(real.c_str(), &there) == 0 &&
                        there.st_dev == s.st_dev && there.st_ino == s.st_ino;
  if (has_name) {
    const fs::path file(real);
    return open_named(real, std::move(name), (file.parent_path() / "").string(),
                      file.filename().string(), options);
  }
  Input input(no_siblings(name), Kind::file, name, "stdin");
  input.file_ = disk_file(name, [path, name] { return open_path(path, name); });
  input.source_->add_opened(input.file_);
  return input;
}

Input Input::open(const fs::path& path, const OpenOptions& options) {
  std::string name = path.string();
  if (name.empty() || name.find('\0') != name.npos) {
    throw Error(ErrorCode::usage, "bad_path", "the name of the input is empty or contains NUL");
  }
  const std::string full = absolute_path(path, ErrorCode::input).string();
  if (const auto descriptor = own_descriptor(full)) return stream(*descriptor, name, options);
  struct stat s {};
  const bool found = ::stat(full.c_str(), &s) == 0;
  if (!found && errno != ENOENT && errno != ENOTDIR) {
    throw system_error(ErrorCode::input, "stat", errno, name);
  }
  if (found && S_ISDIR(s.st_mode)) {
    if (has_commit_journal(full)) refuse_unfinished(name, "into this folder");
    std::string shown = name.back() == '/' ? name : name + "/";
    return Input(disk_source(full, shown, "", options.follow_links), Kind::directory, name, "");
  }
  const std::string leaf = path.filename().string();
  if (found && S_ISFIFO(s.st_mode)) {
    return from_pipe(open_fifo(full, name).get(), name, leaf, options);
  }
  if (found && S_ISSOCK(s.st_mode)) {
    return from_pipe(connect_to(full, name).get(), name, leaf, options);
  }
  const std::string shown = path.parent_path().empty() ? "" : (path.parent_path() / "").string();
  if (found) {
    refuse_special(s.st_mode, name);
    return open_named(full, name, shown, leaf, options);
  }
  const fs::path parent = fs::path(full).parent_path();
  if (::stat(parent.c_str(), &s) == 0 && S_ISDIR(s.st_mode) && !leaf.empty()) {
    if (has_commit_journal(parent.string(), leaf)) refuse_unfinished(name, "it");
    auto source = disk_source(parent, shown, "", options.follow_links);
    for (const std::string& other : source->list("")) {
      if (is_continuation(other, leaf)) return Input(source, Kind::prefix, name, leaf);
    }
  }
  throw Error(ErrorCode::input, "missing",
              "no such file or folder, and no files whose names begin so")
      .in_file(name);
}

}  // namespace tensorferry
