// Counting what is done and telling it, at most ten times a second, from one thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

#include "tensorferry/convert.h"

namespace tensorferry {

class ProgressMeter {
 public:
  explicit ProgressMeter(std::function<void(const Progress&)> report)
      : report_(std::move(report)) {}

  void set_total(std::uint64_t bytes) { total_ = bytes; }
  std::uint64_t done() const { return done_.load(std::memory_order_relaxed); }

  /// From any thread.
  void add(std::uint64_t bytes) { done_.fetch_add(bytes, std::memory_order_relaxed); }
  /// A worker has ended.
  void leave();

  /// From the thread that runs the conversion: reports when it is time to.
  void tick();
  /// Reports until that many workers have left.
  void wait_for(unsigned workers);
  /// Reports the end.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kInterval{100};

  void report();

  std::function<void(const Progress&)> report_;
  std::uint64_t total_ = 0;
  std::atomic<std::uint64_t> done_{0};
  Clock::time_point last_ = Clock::now();
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned left_ = 0;
};

}  // namespace tensorferry
