// Work that several threads do, and whose results are used in the order of its arrival.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace tensorferry {

/// add() and finish() are called by one thread, which works, too, when it would have to wait.
class OrderedWork {
 public:
  /// `most` pieces of work are held at a time, at least one. With one thread nothing is started.
  OrderedWork(unsigned threads, std::size_t most);
  /// Drops what was not begun.
  ~OrderedWork();
  OrderedWork(const OrderedWork&) = delete;
  OrderedWork& operator=(const OrderedWork&) = delete;

  /// `work` may run in any thread; `use` runs in this one, after those of everything added before.
  /// Throws what any of them threw.
  void add(std::function<void()> work, std::function<void()> use);
  /// Returns when everything was used.
  void finish();

 private:
  struct Job {
    std::function<void()> work, use;
    bool begun = false, done = false;
    std::exception_ptr error;
  };

  void serve();
  /// Takes a piece of work that nobody has begun; null when there is none. Under the mutex.
  Job* take();
  void run(Job& job);
  void use_first();

  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tensorferry
