#include "io/send.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <string>
#include <vector>

#include "io/system.h"

namespace tensorferry {
namespace {

const std::string kName = "standard output";

void check_cancelled(const std::atomic<bool>* cancel) {
  if (cancel != nullptr && cancel->load())
    throw Error(ErrorCode::input, "cancelled", "the run was cancelled; part of it was sent");
}

void write_all(int descriptor, std::span<const std::byte> bytes, const std::atomic<bool>* cancel) {
  while (!bytes.empty()) {
    check_cancelled(cancel);
    const ssize_t n = write(descriptor, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      continue;
    }
    if (errno == EAGAIN) {
      pollfd ready{descriptor, POLLOUT, 0};
      poll(&ready, 1, -1);
    } else if (errno == EPIPE) {
      throw Error(ErrorCode::output, "closed_pipe", "nobody reads it any more").in_file(kName);
    } else if (errno != EINTR) {
      throw system_error(ErrorCode::output, "write", errno, kName);
    }
  }
}

}  // namespace

void send(const File& file, int descriptor, const std::atomic<bool>* cancel) {
  constexpr std::uint64_t kStep = 256u << 10;
  std::vector<std::byte> buffer(std::min(kStep, file.size()));
  for (std::uint64_t done = 0; done < file.size();) {
    const auto part = std::span(buffer).first(std::min(kStep, file.size() - done));
    file.read_at(done, part);
    write_all(descriptor, part, cancel);
    done += part.size();
  }
}

}  // namespace tensorferry
