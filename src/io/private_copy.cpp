#include "io/private_copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "io/output_files.h"

namespace tensorferry {
namespace {

/// A file without a name, where O_TMPFILE is missing one that loses it at once.
Descriptor unnamed_in(const std::string& folder) {
  Descriptor fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600));
  if (fd) return fd;
  std::string name = folder + "/tensorferry.XXXXXX";
  fd = Descriptor(mkostemp(name.data(), O_CLOEXEC));
  if (fd) unlink(name.c_str());
  return fd;
}

Descriptor unnamed_file(const std::string& name) {
  for (const std::string& folder : temporary_folders())
    if (Descriptor fd = unnamed_in(folder)) return fd;
  throw system_error(ErrorCode::resources, "open a temporary file", errno, name);
}

}  // namespace

std::vector<std::string> temporary_folders() {
  std::vector<std::string> folders = {"/var/tmp", "/tmp"};
  const char* chosen = std::getenv("TMPDIR");
  if (chosen != nullptr && *chosen != '\0') folders.insert(folders.begin(), chosen);
  return folders;
}

PrivateCopy::PrivateCopy(std::string name) : name_(std::move(name)), fd_(unnamed_file(name_)) {}

void PrivateCopy::append(std::span<const std::byte> bytes) {
  try {
    write_at(fd_, size_, bytes, name_);
  } catch (const Error& error) {
    throw Error(ErrorCode::resources, "spool",
                "a temporary copy of it cannot be written (TMPDIR names another folder): " +
                    error.message())
        .in_file(name_);
  }
  size_ += bytes.size();
}

void PrivateCopy::read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = pread(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw system_error(ErrorCode::resources, "pread", n < 0 ? errno : EIO, name_);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

}  // namespace tensorferry
