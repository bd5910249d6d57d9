// Reading many tensors through, several at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "plan/buffers.h"
#include "plan/progress_meter.h"
#include "tensorferry/compare.h"
#include "tensorferry/stream.h"

namespace tensorferry {

/// Runs `work` for every index below a count; which thread takes which does not show in what it
/// computes.
class Scan {
 public:
  Scan(const ScanOptions& options, std::uint64_t bytes_total)
      : options_(options), meter_(options.progress) {
    meter_.set_total(bytes_total);
  }

  /// Throws the first exception that `work` lets out.
  void run(std::size_t count, const std::function<void(std::size_t)>& work);

  /// From `work`, after reading that many bytes. Throws Error(input.cancelled).
  void advance(std::uint64_t bytes);
  /// To be held while strings are in memory: one tensor of them at a time.
  std::unique_lock<std::mutex> strings_turn() { return std::unique_lock(strings_); }

 private:
  const ScanOptions& options_;
  ProgressMeter meter_;
  std::mutex strings_;
};

/// For reading a tensor step by step: steps that stay in the processor's cache.
Buffer step_buffer(const Tensor& tensor);

/// Fills `buffer` as far as the stream goes; 0 at the end.
std::size_t read_full(ByteStream& stream, std::span<std::byte> buffer);

/// The bytes of all tensors that can be read.
std::uint64_t bytes_to_read(const Manifest& manifest);

}  // namespace tensorferry
