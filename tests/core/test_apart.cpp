#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "error_id.h"
#include "util/apart.h"
#include "util/apart_channel.h"
#include "util/sanitized.h"

using namespace tensorferry;

namespace {

const std::string kText = "the bytes of a file";

ApartResult outcome(const ApartWork& work) { return run_apart(*memory_file("x", kText), work); }

std::string death_of(const ApartWork& work) { return outcome(work).death.value_or("alive"); }

/// What a host's own kind of file may be: one with a lock.
class LockedFile final : public File {
 public:
  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return 1 << 20; }
  FileIdentity identity() const override { return {}; }
  void check_unchanged() const override {}
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override {
    const std::lock_guard lock(mutex);
    if (offset >= 1 << 19)
      throw Error(ErrorCode::input, "pread", "the disk is gone").in_file(name_);
    std::fill(bytes.begin(), bytes.end(), static_cast<std::byte>(offset >> 14));
  }

  mutable std::mutex mutex;

 private:
  std::string name_ = "locked";
};

/// Another action for a signal, as long as it lives.
class Action {
 public:
  Action(int signal, void (*handler)(int)) : signal_(signal), old_(std::signal(signal, handler)) {}
  ~Action() { std::signal(signal_, old_); }

 private:
  int signal_;
  void (*old_)(int);
};

}  // namespace

TEST_CASE("apart: the work reads the file and sends what it finds") {
  const ApartResult result = outcome([](const auto& file, ApartReport& report) {
    report.at("the middle");
    report.send(file->name() + ": " + file->read_string(4, 5));
    report.send(std::string(300'000, '.'));
  });
  CHECK(!result.death);
  CHECK(result.sent == "x: bytes" + std::string(300'000, '.'));
  CHECK(result.at == "the middle");
}

TEST_CASE("apart: an error of the work is thrown as it is") {
  const auto error = error_of([] {
    outcome([](const auto&, ApartReport&) {
      throw Error(ErrorCode::unsupported, "kind", "it is of no kind").in_file("f").in_tensor("t");
    });
  });
  REQUIRE(error);
  CHECK(error->id() == "unsupported.kind");
  CHECK(error->message() == "it is of no kind");
  CHECK(error->file() == "f");
  CHECK(error->tensor() == "t");
  CHECK(error_id([] {
          outcome([](const auto& file, ApartReport&) { file->read_string(10, 10); });
        }) == "corrupt.truncated");
}

// The sanitizers make an exit of their own of these.
TEST_CASE("apart: whatever the work dies of, the host goes on" * doctest::skip(kSanitized)) {
  const auto segv = [](const auto&, ApartReport& report) {
    report.at("here");
    std::raise(SIGSEGV);
  };
  CHECK(death_of(segv) == "signal 11, SIGSEGV");
  CHECK(outcome(segv).at == "here");
  CHECK(death_of([](const auto&, ApartReport&) { std::abort(); }) == "signal 6, SIGABRT");
  CHECK(death_of([](const auto&, ApartReport&) { _exit(3); }) == "exit code 3");
  CHECK(death_of([](const auto&, ApartReport&) { throw 1; }) == "signal 6, SIGABRT");
}

TEST_CASE("apart: work without end is ended" * doctest::skip(kSanitized)) {
  CHECK(death_of([](const auto&, ApartReport&) {
          for (std::atomic<unsigned> turns = 0;;) ++turns;
        }).starts_with("it did not finish within"));
  // Reading costs the host time, too.
  CHECK(death_of([](const auto& file, ApartReport&) {
          for (;;) file->read_at(0, {});
        }).starts_with("it did not finish within"));
}

TEST_CASE("apart: work that takes too much memory is refused" * doctest::skip(kSanitized)) {
  CHECK(error_id([] {
          outcome([](const auto&, ApartReport&) {
            std::vector<std::string> kept;
            for (;;) kept.emplace_back(1 << 20, 'x');
          });
        }) == "unsafe.limit");
  CHECK(error_id([] {
          outcome([](const auto&, ApartReport& report) {
            for (const std::string part(1 << 16, 'x');;) report.send(part);
          });
        }) == "unsafe.limit");
}

TEST_CASE("apart: what kills it from outside is not the file's fault" * doctest::skip(kSanitized)) {
  CHECK(error_id([] { outcome([](const auto&, ApartReport&) { std::raise(SIGKILL); }); }) ==
        "resources.process");
}

TEST_CASE("apart: a lock that another thread holds does not matter") {
  const LockedFile file;
  std::atomic<bool> done{false};
  std::thread other([&] {
    std::vector<std::byte> bytes(1 << 14);
    while (!done) file.read_at(0, bytes);
  });
  for (int i = 0; i < 20; ++i) {
    const ApartResult result = run_apart(file, [](const auto& same, ApartReport& report) {
      for (std::uint64_t at = 0; at < 8; ++at) report.send(same->read_string(at << 14, 1));
    });
    CHECK(result.sent == std::string("\0\1\2\3\4\5\6\7", 8));
  }
  done = true;
  other.join();
  CHECK(error_id([&] {
          run_apart(file, [](const auto& same, ApartReport&) { same->read_string(1 << 19, 1); });
        }) == "input.pread");
}

TEST_CASE("apart: several threads have a process each") {
  std::vector<std::string> found(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < found.size(); ++i) {
    threads.emplace_back([&found, i] {
      for (int turn = 0; turn < 5; ++turn) {
        found[i] +=
            outcome([i](const auto&, ApartReport& report) { report.send(std::to_string(i)); }).sent;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK(found[i] == std::string(5, static_cast<char>('0' + i)));
}

TEST_CASE("apart: a host that ignores its children, or has signals that interrupt") {
  const auto sent = [] {
    return outcome(
               [](const auto& file, ApartReport& report) { report.send(file->read_string(0, 3)); })
        .sent;
  };
  {
    const Action ignored(SIGCHLD, SIG_IGN);
    CHECK(sent() == "the");
  }
  const Action handled(SIGCHLD, [](int) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  });
  CHECK(sent() == "the");
}

TEST_CASE("apart: a child that closes its channel and goes on is killed") {
  const auto death = death_of([](const auto&, ApartReport&) {
    for (int fd = 0; fd < 1024; ++fd) close(fd);
    for (volatile bool on = true; on;) {
    }
  });
  CHECK(death == "it closed its channel and went on");
}

TEST_CASE("apart: a child that asks for bytes and never takes them is killed") {
  const auto death = death_of([](const auto&, ApartReport&) {
    // More than the socket holds answers, and less than it holds of both.
    constexpr int kRequests = 400;
    const apart::Frame frame{apart::Frame::Kind::read, 0, 0};
    for (int fd = 0; fd < 1024; ++fd) {
      for (int i = 0; i < kRequests && write(fd, &frame, sizeof frame) > 0; ++i) {
      }
    }
    for (volatile bool on = true; on;) {
    }
  });
  CHECK(death.starts_with("it did not finish within"));
}

TEST_CASE("apart: nothing of the host stays open or running") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  CHECK(outcome([&](const auto&, ApartReport& report) {
          report.send(fcntl(ends[1], F_GETFD) < 0 ? "closed" : "open");
        }).sent == "closed");
  close(ends[0]);
  close(ends[1]);
  CHECK(waitpid(-1, nullptr, WNOHANG) < 0);
}
