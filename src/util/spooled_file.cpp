#include "util/spooled_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "io/output_files.h"
#include "io/system.h"

namespace tensorferry {
namespace {

constexpr std::uint64_t kStep = 1u << 20;

/// A file without a name, where O_TMPFILE is missing one that loses it at once.
Descriptor unnamed_in(const std::string& folder) {
  Descriptor fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600));
  if (fd) return fd;
  std::string name = folder + "/tensorferry.XXXXXX";
  fd = Descriptor(mkostemp(name.data(), O_CLOEXEC));
  if (fd) unlink(name.c_str());
  return fd;
}

Descriptor unnamed_file() {
  const char* chosen = std::getenv("TMPDIR");
  for (const std::string& folder : {std::string(chosen != nullptr ? chosen : ""),
                                    std::string("/var/tmp"), std::string("/tmp")}) {
    if (folder.empty()) continue;
    if (Descriptor fd = unnamed_in(folder)) return fd;
  }
  throw system_error(ErrorCode::resources, "open a temporary file", errno, "");
}

class SpooledFile final : public File {
 public:
  explicit SpooledFile(std::shared_ptr<const File> source) : source_(std::move(source)) {}

  const std::string& name() const override { return source_->name(); }
  std::uint64_t size() const override { return source_->size(); }
  FileIdentity identity() const override { return source_->identity(); }
  void check_unchanged() const override { source_->check_unchanged(); }
  std::string_view checked_by() const override { return source_->checked_by(); }

  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override {
    if (bytes.size() > size() || offset > size() - bytes.size()) {
      throw Error(ErrorCode::corrupt, "truncated",
                  "needs " + std::to_string(bytes.size()) + " bytes at offset " +
                      std::to_string(offset) + ", it has " + std::to_string(size()))
          .in_file(name());
    }
    spool();
    while (!bytes.empty()) {
      const ssize_t n = pread(copy_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) throw system_error(ErrorCode::resources, "pread", n < 0 ? errno : EIO, name());
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
  }

 private:
  void spool() const {
    std::lock_guard lock(mutex_);
    if (copy_) return;
    Descriptor fd = unnamed_file();
    std::vector<std::byte> buffer(std::min(kStep, size()));
    for (std::uint64_t done = 0; done < size();) {
      const auto part = std::span(buffer).first(std::min(kStep, size() - done));
      source_->read_at(done, part);
      try {
        write_at(fd, done, part, name());
      } catch (const Error& error) {
        throw Error(ErrorCode::resources, "spool",
                    "a temporary copy of it cannot be written: " + error.message())
            .in_file(name());
      }
      done += part.size();
    }
    copy_ = std::move(fd);
  }

  std::shared_ptr<const File> source_;
  mutable std::mutex mutex_;
  mutable Descriptor copy_;
};

}  // namespace

std::shared_ptr<const File> spooled_file(std::shared_ptr<const File> source) {
  return std::make_shared<SpooledFile>(std::move(source));
}

}  // namespace tensorferry
