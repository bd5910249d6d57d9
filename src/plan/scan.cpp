#include "plan/scan.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <system_error>
#include <thread>

#include "plan/memory_share.h"

namespace tensorferry {
namespace {

constexpr unsigned kMostThreads = 256;
constexpr std::uint64_t kStep = 256u << 10;

unsigned threads_of(const ScanOptions& options, std::size_t count) {
  const unsigned wanted = std::min(wanted_threads(options.threads), kMostThreads);
  return static_cast<unsigned>(std::clamp<std::size_t>(count, 1, wanted));
}

}  // namespace

void Scan::run(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::mutex fault_lock;
  std::exception_ptr fault;
  const auto step = [&] {
    const std::size_t index = next.fetch_add(1);
    if (index >= count) return false;
    try {
      work(index);
    } catch (...) {
      const std::lock_guard lock(fault_lock);
      if (!fault) fault = std::current_exception();
      next.store(count);
    }
    return true;
  };
  std::vector<std::thread> threads;
  try {
    for (unsigned i = threads_of(options_, count); i > 0; --i) {
      threads.emplace_back([&] {
        while (step()) {
        }
        meter_.leave();
      });
    }
  } catch (const std::system_error&) {
    // Fewer threads than wanted do the same work.
  }
  if (threads.empty()) {
    while (step()) meter_.tick();
  }
  meter_.wait_for(static_cast<unsigned>(threads.size()));
  for (std::thread& thread : threads) thread.join();
  if (fault) std::rethrow_exception(fault);
  meter_.finish();
}

void Scan::advance(std::uint64_t bytes) {
  meter_.add(bytes);
  if (options_.cancel && options_.cancel->load(std::memory_order_relaxed)) {
    throw Error(ErrorCode::input, "cancelled", "interrupted");
  }
}

Buffer step_buffer(const Tensor& tensor) { return Buffer(std::min(kStep, tensor.bytes())); }

std::size_t read_full(ByteStream& stream, std::span<std::byte> buffer) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const std::size_t n = stream.read(buffer.subspan(done));
    if (n == 0) break;
    done += n;
  }
  return done;
}

std::uint64_t bytes_to_read(const Manifest& manifest) {
  std::uint64_t total = 0;
  for (const Tensor& tensor : manifest.tensors) {
    if (!tensor.problem) total += tensor.bytes();
  }
  return total;
}

}  // namespace tensorferry
