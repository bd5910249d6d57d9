#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <vector>

#include "tensorferry/error.h"
#include "util/apart_channel.h"
#include "util/parcel.h"
#include "util/sanitized.h"

namespace tensorferry::apart {
namespace {

// The parent is gone, or does not want to know more.
[[noreturn]] void give_up() { _exit(1); }

void send_all(int channel, const void* data, std::size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = write(channel, at, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) give_up();
    at += n;
    bytes -= static_cast<std::size_t>(n);
  }
}

void receive_all(int channel, void* data, std::size_t bytes) {
  char* at = static_cast<char*>(data);
  while (bytes > 0) {
    const ssize_t n = read(channel, at, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) give_up();
    at += n;
    bytes -= static_cast<std::size_t>(n);
  }
}

void send_frame(int channel, Frame::Kind kind, std::string_view bytes = {}) {
  const Frame frame{kind, static_cast<std::uint32_t>(bytes.size()), 0};
  send_all(channel, &frame, sizeof frame);
  send_all(channel, bytes.data(), bytes.size());
}

/// The parent's file. Small reads are of pages that are kept: metadata lies close together.
class AskedFile final : public File {
 public:
  AskedFile(int channel, SharedMemory& shared, const File& file)
      : channel_(channel),
        shared_(shared),
        name_(file.name()),
        size_(file.size()),
        identity_(file.identity()),
        pages_(std::min<std::uint64_t>(kPages, size_ / kPage + 1)) {}

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return size_; }
  FileIdentity identity() const override { return identity_; }
  void check_unchanged() const override {}
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override {
    if (bytes.size() > size_ || offset > size_ - bytes.size()) {
      throw Error(ErrorCode::corrupt, "truncated",
                  "needs " + std::to_string(bytes.size()) + " bytes at offset " +
                      std::to_string(offset) + ", file has " + std::to_string(size_))
          .in_file(name_);
    }
    while (!bytes.empty()) {
      const std::uint64_t inside = offset % kPage;
      std::uint64_t count = std::min<std::uint64_t>(bytes.size(), kPage - inside);
      if (inside == 0 && bytes.size() >= kPage) {
        count = std::min<std::uint64_t>(bytes.size(), shared_.data.size());
        ask(offset, bytes.first(count));
      } else {
        std::memcpy(bytes.data(), page(offset / kPage).data() + inside, count);
      }
      offset += count;
      bytes = bytes.subspan(count);
    }
  }

 private:
  static constexpr std::uint64_t kPage = 16 << 10, kPages = 256;

  struct Page {
    std::uint64_t number = ~std::uint64_t{0};
    std::vector<std::byte> bytes;
  };

  const std::vector<std::byte>& page(std::uint64_t number) const {
    Page& place = pages_[number % pages_.size()];
    if (place.number == number) return place.bytes;
    place.number = ~std::uint64_t{0};
    place.bytes.resize(std::min(kPage, size_ - number * kPage));
    ask(number * kPage, place.bytes);
    place.number = number;
    return place.bytes;
  }

  void ask(std::uint64_t offset, std::span<std::byte> bytes) const {
    const Frame frame{Frame::Kind::read, static_cast<std::uint32_t>(bytes.size()), offset};
    send_all(channel_, &frame, sizeof frame);
    Answer answer = 0;
    receive_all(channel_, &answer, sizeof answer);
    if (answer == 0) {
      std::memcpy(bytes.data(), shared_.data.data(), bytes.size());
      return;
    }
    throw ParcelReader({reinterpret_cast<const char*>(shared_.data.data()), answer}).error();
  }

  int channel_;
  SharedMemory& shared_;
  std::string name_;
  std::uint64_t size_;
  FileIdentity identity_;
  mutable std::vector<Page> pages_;
};

class Report final : public ApartReport {
 public:
  Report(int channel, SharedMemory& shared) : channel_(channel), shared_(shared) {}

  void send(std::string_view bytes) override {
    waiting_ += bytes;
    if (waiting_.size() >= kMostSent / 2) flush();
  }
  void at(std::string_view what) override {
    const std::string_view front = what.substr(0, shared_.at.size());
    std::memcpy(shared_.at.data(), front.data(), front.size());
    shared_.at_bytes = static_cast<std::uint32_t>(front.size());
  }
  void flush() {
    for (std::string_view left = waiting_; !left.empty();) {
      const std::string_view part = left.substr(0, kMostSent);
      send_frame(channel_, Frame::Kind::sent, part);
      left.remove_prefix(part.size());
    }
    waiting_.clear();
  }

 private:
  int channel_;
  SharedMemory& shared_;
  std::string waiting_;
};

// The host's handlers are not for this process.
void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) std::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// All of them would stay open as long as this process lives: sockets of the host, for one. What the
// library or the system's own code prints goes nowhere.
int keep_only(int channel) {
  channel = fcntl(channel, F_DUPFD, 3);
  if (channel < 0) give_up();
  if (dup2(channel, 0) < 0) give_up();
  const int first = kSanitized ? 3 : 1;
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return 0;
#endif
  constexpr long kMost = 4096;
  const long most = std::min(sysconf(_SC_OPEN_MAX), kMost);
  for (long fd = first; fd < most; ++fd) close(static_cast<int>(fd));
  return 0;
}

// Bytes of data that the process has now: what the limit counts, too.
std::uint64_t data_bytes() {
  const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[128] = {};
  const ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  unsigned long pages = 0;
  if (n <= 0 || std::sscanf(text, "%*u %*u %*u %*u %*u %lu", &pages) != 1) return 0;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void limit(int resource, std::uint64_t value) {
  rlimit old{};
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &old) != 0) return;
  const rlim_t most = std::min<rlim_t>(value, old.rlim_max);
  const rlimit wanted{most, most};
  setrlimit(static_cast<__rlimit_resource_t>(resource), &wanted);
}

void limit_resources(std::uint64_t file_bytes) {
  constexpr std::uint64_t kFree = std::uint64_t{40} << 20, kTimesFile = 8;
  const std::uint64_t now = data_bytes();
  // A sanitizer takes terabytes of addresses.
  if (!kSanitized && now != 0 && file_bytes < UINT64_MAX / (2 * kTimesFile))
    limit(RLIMIT_DATA, now + kFree + kTimesFile * file_bytes);
  limit(RLIMIT_CORE, 0);
  prctl(PR_SET_DUMPABLE, 0);
}

void work_and_report(int channel, const File& file, SharedMemory& shared, const ApartWork& work) {
  try {
    Report report(channel, shared);
    work(std::make_shared<AskedFile>(channel, shared, file), report);
    report.flush();
    send_frame(channel, Frame::Kind::done);
  } catch (const Error& error) {
    if (error.id() == "resources.memory") throw std::bad_alloc();
    ParcelWriter parcel;
    parcel.error(error);
    send_frame(channel, Frame::Kind::failed, std::string_view(parcel.bytes()).substr(0, kMostSent));
  }
}

}  // namespace

void be_apart(int channel, int parent, const File& file, SharedMemory& shared,
              const ApartWork& work) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) give_up();  // it had died before
  setsid();                            // what the terminal sends is for the parent
  reset_signals();
  channel = keep_only(channel);
  limit_resources(file.size());
  if (!kSanitized) renounce_system_calls();
  try {
    work_and_report(channel, file, shared, work);
  } catch (const std::bad_alloc&) {
    send_frame(channel, Frame::Kind::out_of_memory);
  } catch (...) {
    std::abort();  // told as a death
  }
  _exit(0);
}

}  // namespace tensorferry::apart
