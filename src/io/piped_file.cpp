#include "io/piped_file.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "io/disk_file.h"
#include "io/private_copy.h"

namespace tensorferry {
namespace {

constexpr std::size_t kStep = 1u << 20;

class CopiedFile final : public File {
 public:
  CopiedFile(std::string name, PrivateCopy copy) : name_(std::move(name)), copy_(std::move(copy)) {}

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return copy_.size(); }
  FileIdentity identity() const override { return {}; }
  void check_unchanged() const override {}
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override {
    check_range(name_, offset, bytes.size(), size());
    copy_.read_at(offset, bytes);
  }

 private:
  std::string name_;
  PrivateCopy copy_;
};

/// Some bytes, or 0 at the end. Waits also where the descriptor was made not to.
std::size_t read_some(int descriptor, std::span<std::byte> bytes, const std::string& name) {
  for (;;) {
    const ssize_t n = read(descriptor, bytes.data(), bytes.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EAGAIN) {
      pollfd ready{descriptor, POLLIN, 0};
      if (poll(&ready, 1, -1) >= 0) continue;
    }
    if (errno != EINTR) throw system_error(ErrorCode::input, "read", errno, name);
  }
}

class NoSiblings final : public InputSource {
 public:
  explicit NoSiblings(std::string name) : name_(std::move(name)) {}
  bool exists(const std::string&) const override { return false; }
  std::vector<std::string> list(const std::string&) const override { return {}; }

 protected:
  std::shared_ptr<const File> open(const std::string& relative) const override {
    throw Error(ErrorCode::input, "single_file",
                "the model needs the file \"" + printable(relative) +
                    "\", too, and only one file was given without its folder; name the model by "
                    "its path")
        .in_file(name_);
  }

 private:
  std::string name_;
};

}  // namespace

std::shared_ptr<const File> piped_file(std::string name, int descriptor, std::uint64_t memory) {
  std::vector<std::byte> bytes;
  std::size_t held = 0;
  std::optional<PrivateCopy> copy;
  for (;;) {
    if (bytes.size() - held < kStep / 2) bytes.resize(std::max(2 * held, held + kStep));
    const std::size_t n = read_some(descriptor, std::span(bytes).subspan(held), name);
    held += n;
    const bool spill = copy.has_value() || held > memory;
    if (spill && (n == 0 || held >= kStep)) {
      if (!copy) copy.emplace(name);
      copy->append(std::span(bytes).first(held));
      held = 0;
      if (bytes.size() > 2 * kStep) bytes = std::vector<std::byte>(2 * kStep);
    }
    if (n == 0) break;
  }
  if (copy) return std::make_shared<CopiedFile>(std::move(name), *std::move(copy));
  if (held == 0) {
    throw Error(ErrorCode::input, "empty",
                "nothing came through the pipe; did the command before it fail?")
        .in_file(name);
  }
  bytes.resize(held);
  bytes.shrink_to_fit();
  return memory_file(std::move(name), std::move(bytes));
}

std::shared_ptr<const InputSource> no_siblings(std::string name) {
  return std::make_shared<NoSiblings>(std::move(name));
}

}  // namespace tensorferry
