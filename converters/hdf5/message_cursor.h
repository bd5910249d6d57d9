// The parts of a message of an object header, one after the other.
#pragma once

#include <cstdint>
#include <string_view>

#include "tensorferry/error.h"
#include "tensorferry/values.h"

namespace tensorferry::hdf5 {

[[noreturn]] inline void refuse_header(const std::string& why) {
  throw Error(ErrorCode::corrupt, "hdf5_header", "an object header " + why);
}

/// The front of what is left of some bytes. Throws Error(corrupt.hdf5_header) past their end.
class MessageCursor {
 public:
  explicit MessageCursor(std::string_view bytes) : left_(bytes) {}

  std::size_t left() const { return left_.size(); }
  std::string_view take(std::uint64_t count) {
    if (count > left_.size()) refuse_header("has a message that is cut off");
    const std::string_view front = left_.substr(0, count);
    left_.remove_prefix(count);
    return front;
  }
  std::uint64_t number(std::size_t bytes) {
    return little_endian(reinterpret_cast<const std::byte*>(take(bytes).data()), bytes);
  }
  std::string_view rest() const { return left_; }

 private:
  std::string_view left_;
};

}  // namespace tensorferry::hdf5
