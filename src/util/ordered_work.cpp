#include "util/ordered_work.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace tensorferry {

OrderedWork::OrderedWork(unsigned threads, std::size_t most)
    : most_(std::max<std::size_t>(most, 1)) {
  try {
    for (unsigned i = 1; i < threads; ++i) threads_.emplace_back([this] { serve(); });
  } catch (const std::system_error&) {
    // Fewer threads than wanted do the same work.
  }
}

OrderedWork::~OrderedWork() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void OrderedWork::add(std::function<void()> work, std::function<void()> use) {
  auto job = std::make_unique<Job>();
  job->work = std::move(work);
  job->use = std::move(use);
  std::size_t held = 0;
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    held = jobs_.size();
  }
  changed_.notify_all();
  if (held >= most_ || threads_.empty()) use_first();
}

void OrderedWork::finish() {
  while (!jobs_.empty()) use_first();  // only this thread adds and removes
}

OrderedWork::Job* OrderedWork::take() {
  for (const auto& job : jobs_) {
    if (job->begun) continue;
    job->begun = true;
    return job.get();
  }
  return nullptr;
}

void OrderedWork::run(Job& job) {
  try {
    job.work();
  } catch (...) {
    job.error = std::current_exception();
  }
  {
    std::lock_guard lock(mutex_);
    job.done = true;
  }
  changed_.notify_all();
}

void OrderedWork::serve() {
  for (;;) {
    Job* job = nullptr;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || (job = take()) != nullptr; });
      if (stopping_) return;
    }
    run(*job);
  }
}

void OrderedWork::use_first() {
  for (;;) {
    Job* job = nullptr;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return jobs_.front()->done || (job = take()) != nullptr; });
    }
    if (!job) break;
    run(*job);
  }
  std::unique_ptr<Job> first;
  {
    std::lock_guard lock(mutex_);
    first = std::move(jobs_.front());
    jobs_.pop_front();
  }
  if (first->error) std::rethrow_exception(first->error);
  first->use();
}

}  // namespace tensorferry
