#include "signals.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace tensorferry::cli {
namespace {

constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};

// a signal handler can reach nothing but these
std::atomic<bool> cancel_flag{false};
std::atomic<int> received_signal{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);
std::array<struct sigaction, kSignals.size()> previous_actions;

void on_signal(int signal) {
  received_signal.store(signal);
  cancel_flag.store(true);
}

void occupy_descriptor(int descriptor, int flags) {
  if (fcntl(descriptor, F_GETFD) == -1 && errno == EBADF) {
    const int opened = open("/dev/null", flags);
    if (opened != descriptor && opened >= 0) close(opened);
  }
}

}  // namespace

void prepare_process() {
  occupy_descriptor(STDIN_FILENO, O_RDONLY);
  occupy_descriptor(STDOUT_FILENO, O_RDONLY);  // so that writing to it fails and is said
  occupy_descriptor(STDERR_FILENO, O_WRONLY);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

void die_by_signal(int signal) {
  std::signal(signal, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  raise(signal);
  _exit(128 + signal);
}

CancelOnSignal::CancelOnSignal() {
  cancel_flag.store(false);
  received_signal.store(0);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], nullptr, &previous_actions[i]);
    if (previous_actions[i].sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
    sigemptyset(&action.sa_mask);
    sigaction(kSignals[i], &action, nullptr);
  }
}

CancelOnSignal::~CancelOnSignal() {
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    sigaction(kSignals[i], &previous_actions[i], nullptr);
}

const std::atomic<bool>* CancelOnSignal::flag() const { return &cancel_flag; }

int CancelOnSignal::received() const { return received_signal.load(); }

}  // namespace tensorferry::cli
