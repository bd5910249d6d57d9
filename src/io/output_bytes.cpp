#include "io/output_bytes.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace tensorferry {

std::uint64_t free_bytes(const std::filesystem::path& directory) {
  struct statvfs s {};
  if (statvfs(directory.c_str(), &s) != 0) return ~std::uint64_t{0};
  return static_cast<std::uint64_t>(s.f_bavail) * s.f_frsize;
}

void reserve(const Descriptor& fd, std::uint64_t size, const std::string& name) {
  int result;
  do {
    result = fallocate(fd.get(), 0, 0, static_cast<off_t>(size));
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
    throw system_error(ErrorCode::output, "fallocate", errno, name);
  }
}

void write_at(const Descriptor& fd, std::uint64_t offset, std::span<const std::byte> bytes,
              const std::string& name) {
  // Larger ones make the kernel look for huge pages, which cost more to get than they save.
  constexpr std::size_t most_at_once = 1u << 20;
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), most_at_once - offset % most_at_once);
    ssize_t n = pwrite(fd.get(), bytes.data(), count, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(ErrorCode::output, "pwrite", errno, name);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

void read_at(const Descriptor& fd, std::uint64_t offset, std::span<std::byte> bytes,
             const std::string& name) {
  while (!bytes.empty()) {
    ssize_t n = pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(ErrorCode::output, "pread", errno, name);
    if (n == 0) {
      throw Error(ErrorCode::output, "short_file", "the output became shorter").in_file(name);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

}  // namespace tensorferry
