// Numbers of fixed width, as most file formats have them: least significant byte first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tensorferry {

/// Sets `bytes` bytes, at most 8, at `at`.
inline void put_number(char* at, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) at[i] = static_cast<char>(value >> (8 * i));
}

/// Some side by side, without a string: at most `kMost` bytes in all.
template <std::size_t kMost = 64>
class Fields {
 public:
  Fields& put(std::uint64_t value, std::size_t bytes) {
    put_number(bytes_ + size_, value, 8);
    size_ += bytes;  // of a number; the next one overwrites the rest
    return *this;
  }
  operator std::string_view() const { return {bytes_, size_}; }

 private:
  char bytes_[kMost + 8];
  std::size_t size_ = 0;
};

}  // namespace tensorferry
