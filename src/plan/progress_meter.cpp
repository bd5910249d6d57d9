#include "plan/progress_meter.h"

#include <algorithm>

namespace tensorferry {

void ProgressMeter::leave() {
  {
    std::lock_guard lock(mutex_);
    ++left_;
  }
  changed_.notify_one();
}

void ProgressMeter::tick() {
  if (!report_) return;
  const auto now = Clock::now();
  if (now - last_ < kInterval) return;
  last_ = now;
  report();
}

void ProgressMeter::wait_for(unsigned workers) {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kInterval, [&] { return left_ >= workers; })) {
    lock.unlock();
    tick();
    lock.lock();
  }
}

void ProgressMeter::report() { report_(Progress{done(), std::max(total_, done())}); }

void ProgressMeter::finish() {
  if (report_) report();
}

}  // namespace tensorferry
