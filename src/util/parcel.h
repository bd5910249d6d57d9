// Numbers and texts one after the other, for bytes that go from one process to another on the same
// machine.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "tensorferry/error.h"

namespace tensorferry {

class ParcelWriter {
 public:
  ParcelWriter& number(std::uint64_t value) {
    char bytes[sizeof value];
    for (char& byte : bytes) {
      byte = static_cast<char>(value);
      value >>= 8;
    }
    bytes_.append(bytes, sizeof bytes);
    return *this;
  }
  ParcelWriter& real(double value) { return number(std::bit_cast<std::uint64_t>(value)); }
  ParcelWriter& text(std::string_view value) {
    number(value.size());
    bytes_ += value;
    return *this;
  }
  ParcelWriter& error(const Error& error);

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Takes a parcel apart in the order in which it was put together. The bytes are not trusted: what
/// is not there throws Error(corrupt.parcel).
class ParcelReader {
 public:
  explicit ParcelReader(std::string_view bytes) : left_(bytes) {}

  bool empty() const { return left_.empty(); }
  std::uint64_t number();
  /// One that is at most `most`.
  std::uint64_t number(std::uint64_t most);
  bool flag() { return number(1) != 0; }
  /// How many things follow that take at least `bytes` bytes each, of which there are enough.
  std::size_t count(std::size_t bytes);
  double real() { return std::bit_cast<double>(number()); }
  std::string_view text();
  Error error();

 private:
  std::string_view take(std::uint64_t bytes);

  std::string_view left_;
};

}  // namespace tensorferry
