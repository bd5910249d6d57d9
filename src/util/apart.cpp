#include "util/apart.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <new>

#include "io/system.h"
#include "tensorferry/error.h"
#include "util/apart_channel.h"
#include "util/parcel.h"
#include "util/sanitized.h"

namespace tensorferry {
namespace {

using apart::Answer;
using apart::Frame;
using apart::SharedMemory;

constexpr double kMiB = 1 << 20;
// How often the child is looked at when it says nothing.
constexpr int kTickMs = 50;

[[noreturn]] void refuse_system(const char* operation) {
  throw Error(ErrorCode::resources, "process",
              "it is read in a process of its own, and the system has none to give: " +
                  system_message(operation, errno));
}

/// Memory that parent and child share.
class Shared {
 public:
  Shared() {
    void* at = mmap(nullptr, sizeof(SharedMemory), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) refuse_system("mmap");
    memory_ = new (at) SharedMemory;
    memory_->at_bytes = 0;
  }
  ~Shared() { munmap(memory_, sizeof(SharedMemory)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  SharedMemory& operator*() const { return *memory_; }
  SharedMemory* operator->() const { return memory_; }

 private:
  SharedMemory* memory_;
};

std::string how_it_ended(int status) {
  if (WIFEXITED(status)) return "exit code " + std::to_string(WEXITSTATUS(status));
  struct Known {
    int signal;
    const char* name;
  };
  constexpr Known kKnown[] = {{SIGSEGV, "SIGSEGV"}, {SIGABRT, "SIGABRT"}, {SIGFPE, "SIGFPE"},
                              {SIGBUS, "SIGBUS"},   {SIGILL, "SIGILL"},   {SIGTRAP, "SIGTRAP"},
                              {SIGSYS, "SIGSYS"}};
  const int signal = WTERMSIG(status);
  std::string text = "signal " + std::to_string(signal);
  for (const Known& known : kKnown) {
    if (known.signal == signal) text.append(", ").append(known.name);
  }
  return text;
}

/// The child. It has ended when this does.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {
#ifdef SYS_pidfd_open
    // A host that waits for all children frees the number for others.
    handle_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
#endif
  }
  ~Child() {
    if (pid_ < 0) return;
    kill();
    wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void kill() {
#ifdef SYS_pidfd_send_signal
    if (handle_) {
      syscall(SYS_pidfd_send_signal, handle_.get(), SIGKILL, nullptr, 0);
      return;
    }
#endif
    ::kill(pid_, SIGKILL);
  }

  /// How it ended; nothing where the host has been told instead, or wants no children to be told
  /// of.
  std::optional<int> wait() {
    int status = 0;
    pid_t ended = 0;
    do {
      ended = waitpid(pid_, &status, 0);
    } while (ended < 0 && errno == EINTR);
    const bool known = ended == std::exchange(pid_, -1);
    return known ? std::optional(status) : std::nullopt;
  }

  /// Gives it a moment to end by itself; whether it had to be killed. One that is ending keeps its
  /// status all the same.
  bool end_soon() {
    constexpr int kGraceMs = 1000;
    pollfd ended{handle_.get(), POLLIN, 0};
    const bool in_time = poll(&ended, 1, kGraceMs) > 0;
    kill();
    return !in_time;
  }

  /// Processor time in seconds.
  double seconds() const {
    clockid_t clock{};
    timespec time{};
    if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  }

 private:
  pid_t pid_;
  Descriptor handle_;
};

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// What the child may take.
class Allowance {
 public:
  Allowance(const Child& child, std::uint64_t file_bytes)
      : child_(child), file_mib_(static_cast<double>(file_bytes) / kMiB) {}

  double seconds() const { return child_.seconds() + thread_seconds() - start_; }
  void sent() { since_ = seconds(); }
  /// Why it has to end, if so.
  std::optional<std::string> used_up() {
    const double now = seconds();
    const double in_all = kFree + file_mib_, in_silence = kFreeSilence + file_mib_ / 16;
    if (now > kSlow * in_all || now - since_ > kSlow * in_silence)
      return "it did not finish within " + std::to_string(now).substr(0, 4) +
             " seconds of processor time";
    return std::nullopt;
  }
  /// Whether it waits for something else than the parent: it cannot go on.
  bool stuck() {
    using Clock = std::chrono::steady_clock;
    const double now = child_.seconds();
    if (now != last_) {
      last_ = now;
      moved_ = Clock::now();
    }
    return Clock::now() - moved_ > std::chrono::seconds(30);
  }

 private:
  static constexpr double kFree = 1, kFreeSilence = 0.6, kSlow = kSanitized ? 20 : 1;

  const Child& child_;
  double file_mib_, start_ = thread_seconds(), since_ = 0, last_ = 0;
  std::chrono::steady_clock::time_point moved_ = std::chrono::steady_clock::now();
};

class Parent {
 public:
  Parent(const File& file, Descriptor channel, Child& child, SharedMemory& shared)
      : file_(file),
        channel_(std::move(channel)),
        child_(child),
        shared_(shared),
        allowance_(child, file.size()),
        room_(kFreeResult + kTimesFile * std::min(file.size(), UINT64_MAX / 8)) {}

  ApartResult run() {
    while (!ended_) {
      if (const auto frame = next_frame()) take(*frame);
    }
    result_.seconds = allowance_.seconds();
    result_.at.assign(shared_.at.data(),
                      std::min<std::size_t>(shared_.at_bytes, shared_.at.size()));
    return std::move(result_);
  }

 private:
  static constexpr std::uint64_t kFreeResult = std::uint64_t{16} << 20, kTimesFile = 4;

  /// Fills `bytes`; false at the end, which is the child's.
  bool receive(void* data, std::size_t bytes) {
    char* at = static_cast<char*>(data);
    while (bytes > 0) {
      const ssize_t n = recv(channel_.get(), at, bytes, 0);
      if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) {
        check_allowance();
        if (ended_) return false;
        continue;
      }
      if (n <= 0) return false;
      at += n;
      bytes -= static_cast<std::size_t>(n);
    }
    return true;
  }

  std::optional<Frame> next_frame() {
    Frame frame{};
    if (receive(&frame, sizeof frame)) {
      if (++frames_ % 64 == 0) check_allowance();
      return ended_ ? std::nullopt : std::optional(frame);
    }
    if (!ended_) died();
    return std::nullopt;
  }

  void take(const Frame& frame) {
    switch (frame.kind) {
      case Frame::Kind::sent:
        return take_sent(frame.bytes);
      case Frame::Kind::read:
        return serve(frame.offset, frame.bytes);
      case Frame::Kind::done:
        ended_ = true;
        return;
      case Frame::Kind::failed:
        return fail(frame.bytes);
      case Frame::Kind::out_of_memory:
        throw Error(ErrorCode::unsafe, "limit",
                    "reading its structure takes more memory than 40 MiB plus 8 times its size");
    }
    end("it sent a message that is not valid");
  }

  void take_sent(std::uint32_t bytes) {
    if (bytes > apart::kMostSent) return end("it sent a message that is not valid");
    if (bytes > room_ - result_.sent.size()) {
      throw Error(ErrorCode::unsafe, "limit",
                  "its description takes more memory than 16 MiB plus 4 times its size");
    }
    const std::size_t before = result_.sent.size();
    result_.sent.resize(before + bytes);
    if (!receive(&result_.sent[before], bytes) && !ended_) died();
    allowance_.sent();
  }

  void serve(std::uint64_t offset, std::uint32_t bytes) {
    if (bytes > shared_.data.size()) return end("it sent a message that is not valid");
    Answer answer = 0;
    try {
      file_.read_at(offset, std::span(shared_.data).first(bytes));
    } catch (const Error& error) {
      ParcelWriter parcel;
      parcel.error(error);
      answer = static_cast<Answer>(std::min(parcel.bytes().size(), shared_.data.size()));
      std::memcpy(shared_.data.data(), parcel.bytes().data(), answer);
    }
    // When the child is gone, the next frame says so.
    while (!ended_ &&
           send(channel_.get(), &answer, sizeof answer, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
      if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) return;
      pollfd room{channel_.get(), POLLOUT, 0};
      poll(&room, 1, kTickMs);
      check_allowance();
    }
  }

  void fail(std::uint32_t bytes) {
    std::string parcel(std::min(bytes, apart::kMostSent), '\0');
    if (receive(parcel.data(), parcel.size())) throw ParcelReader(parcel).error();
    if (!ended_) died();
  }

  void check_allowance() {
    if (const auto why = allowance_.used_up()) return end(*why);
    if (!allowance_.stuck()) return;
    throw Error(ErrorCode::resources, "process",
                "the process in which it is read does not go on: was it stopped?");
  }

  void end(std::string why) {
    result_.death = std::move(why);
    ended_ = true;
  }

  void died() {
    const bool killed = child_.end_soon();
    const auto status = child_.wait();
    if (killed && status && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL)
      return end("it closed its channel and went on");
    if (status && WIFSIGNALED(*status) &&
        (WTERMSIG(*status) == SIGKILL || WTERMSIG(*status) == SIGTERM)) {
      throw Error(ErrorCode::resources, "process",
                  "something has killed the process in which it is read (" + how_it_ended(*status) +
                      "): is the system out of memory?");
    }
    end(status ? how_it_ended(*status) : "its process is gone");
  }

  const File& file_;
  Descriptor channel_;
  Child& child_;
  SharedMemory& shared_;
  Allowance allowance_;
  std::uint64_t room_, frames_ = 0;
  bool ended_ = false;
  ApartResult result_;
};

}  // namespace

ApartResult run_apart(const File& file, const ApartWork& work) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) refuse_system("socketpair");
  Descriptor ours(ends[0]), theirs(ends[1]);
  const timeval tick{0, kTickMs * 1000};
  if (setsockopt(ours.get(), SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick) != 0)
    refuse_system("setsockopt");
  const Shared shared;
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) refuse_system("fork");
  if (pid == 0) apart::be_apart(theirs.get(), parent, file, *shared, work);
  Child child(pid);
  theirs.reset();
  return Parent(file, std::move(ours), child, *shared).run();
}

}  // namespace tensorferry
