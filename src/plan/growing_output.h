// What a sink appends to an output file.
#pragma once

#include <string>
#include <vector>

#include "io/output_files.h"
#include "tensorferry/layout.h"

namespace tensorferry {

/// Gathers what is short, so that many small tensors do not take a system call each. flush() at the
/// end.
class GrowingOutput final : public GrowingFile {
 public:
  /// Keeps references. The file has `end` bytes of a layout in front of what is appended.
  GrowingOutput(const Descriptor& fd, const std::string& name, std::uint64_t end)
      : fd_(fd), name_(name), written_(end) {}

  std::uint64_t end() const override { return written_ + gathered_.size(); }
  void append(std::span<const std::byte> bytes) override;
  void rewrite(std::uint64_t offset, std::span<const std::byte> bytes) override;
  void flush();

 private:
  const Descriptor& fd_;
  const std::string& name_;
  std::uint64_t written_;
  std::vector<std::byte> gathered_;  // what comes next
};

}  // namespace tensorferry
