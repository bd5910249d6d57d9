#include "plan/growing_output.h"

#include <algorithm>

namespace tensorferry {
namespace {

constexpr std::size_t kGathered = 128u << 10;

}  // namespace

void GrowingOutput::append(std::span<const std::byte> bytes) {
  if (bytes.size() > kGathered - std::min(gathered_.size(), kGathered)) flush();
  if (bytes.size() >= kGathered) {
    write_at(fd_, written_, bytes, name_);
    written_ += bytes.size();
  } else {
    gathered_.insert(gathered_.end(), bytes.begin(), bytes.end());
  }
}

void GrowingOutput::rewrite(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (offset < written_) {
    flush();
    write_at(fd_, offset, bytes, name_);
  } else {
    std::copy(bytes.begin(), bytes.end(),
              gathered_.begin() + static_cast<std::ptrdiff_t>(offset - written_));
  }
}

void GrowingOutput::flush() {
  if (gathered_.empty()) return;
  write_at(fd_, written_, gathered_, name_);
  written_ += gathered_.size();
  gathered_.clear();
}

}  // namespace tensorferry
