// SHA-256, FIPS 180-4, by libcrypto.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tensorferry {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view bytes);
  /// The 32 raw bytes. Ends the computation.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Raw bytes as lower-case hexadecimal digits, and back. from_hex throws Error(corrupt) for
/// anything else.
std::string to_hex(std::string_view bytes);
std::string from_hex(std::string_view digits);

}  // namespace tensorferry
