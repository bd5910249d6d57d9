#include "program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace tensorferry::testing {
namespace {

struct Pipe {
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  void close_end(std::size_t i) {
    if (ends[i] >= 0) close(ends[i]);
    ends[i] = -1;
  }
  std::array<int, 2> ends{-1, -1};
};

void drain(Pipe& out, Pipe& err, Result& result) {
  std::array<pollfd, 2> waiting{pollfd{out.ends[0], POLLIN, 0}, pollfd{err.ends[0], POLLIN, 0}};
  const std::array<std::string*, 2> texts{&result.out, &result.err};
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    if (poll(waiting.data(), waiting.size(), -1) < 0) throw std::runtime_error("poll failed");
    for (std::size_t i = 0; i < 2; ++i) {
      if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
      std::array<char, 4096> buffer;
      const ssize_t got = ::read(waiting[i].fd, buffer.data(), buffer.size());
      if (got > 0)
        texts[i]->append(buffer.data(), static_cast<std::size_t>(got));
      else
        waiting[i].fd = -1;
    }
  }
}

}  // namespace

Result run_program(const std::vector<std::string>& arguments, const Redirect& redirect) {
  std::vector<char*> words{const_cast<char*>(TENSORFERRY_PROGRAM)};
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);

  Pipe out, err;
  if (redirect.close_early) out.close_end(0);
  // a signal that comes before execv must not reach the test framework's handler in the child
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  const pid_t child = fork();
  if (child == 0) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    const int target =
        redirect.out_path.empty() ? out.ends[1] : open(redirect.out_path.c_str(), O_WRONLY);
    dup2(target, STDOUT_FILENO);
    dup2(err.ends[1], STDERR_FILENO);
    execv(words[0], words.data());
    _exit(127);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) throw std::runtime_error("fork failed");
  out.close_end(1);
  err.close_end(1);
  Result result;
  if (redirect.signal != 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(redirect.signal_after_ms));
    kill(child, redirect.signal);
  }
  drain(out, err, result);
  int status = 0;
  waitpid(child, &status, 0);
  result.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

TempFolder::TempFolder() {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "tensorferry-cli-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  root_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

void TempFolder::write(const std::string& name, const std::string& bytes) const {
  std::filesystem::create_directories((root_ / name).parent_path());
  std::ofstream file(root_ / name, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + name);
}

std::string TempFolder::read(const std::string& name) const {
  std::ifstream file(root_ / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> TempFolder::names() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(root_))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::string write_model(const TempFolder& folder, const std::string& entries,
                        const std::map<std::string, std::string>& files) {
  folder.write("model/manifest.json",
               "{\"tensorferry\": 1, \"attributes\": {}, \"tensors\": [" + entries + "]}");
  for (const auto& [name, bytes] : files) folder.write("model/" + name, bytes);
  return folder.path("model");
}

std::string small_model(const TempFolder& folder) {
  const std::array<float, 9> weights = {
      0.5F, 1.0F, 1.5F, 2.0F, 2.5F, 3.0F, -1.0F, __builtin_nanf(""), __builtin_inff()};
  const std::int64_t step = 9007199254740993;  // no double holds it
  std::string bytes(sizeof weights + sizeof step, '\0');
  std::memcpy(bytes.data(), weights.data(), sizeof weights);
  std::memcpy(bytes.data() + sizeof weights, &step, sizeof step);
  return write_model(
      folder,
      R"({"name": "dense/kernel", "dtype": "float32", "shape": [2, 3], "file": "w.bin"},)"
      R"({"name": "dense/bias", "dtype": "float32", "shape": [3], "file": "w.bin", "offset": 24},)"
      R"({"name": "step", "dtype": "int64", "shape": [], "file": "w.bin", "offset": 36})",
      {{"w.bin", bytes}});
}

}  // namespace tensorferry::testing
