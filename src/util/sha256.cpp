#include "util/sha256.h"

// The functions of this one algorithm are deprecated, not the algorithm: EVP reaches it through
// providers, whose tables would be most of the program and half of its start-up time.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <array>

#include "tensorferry/error.h"

namespace tensorferry {
namespace {

void require(int done, const char* step) {
  if (done == 1) return;
  throw Error(ErrorCode::internal, "sha256", std::string("libcrypto failed in ") + step);
}

}  // namespace

struct Sha256::State {
  SHA256_CTX context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  require(SHA256_Init(&state_->context), "SHA256_Init");
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  require(SHA256_Update(&state_->context, bytes.data(), bytes.size()), "SHA256_Update");
}

void Sha256::update(std::string_view bytes) { update(std::as_bytes(std::span(bytes))); }

std::string Sha256::finish() {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  require(SHA256_Final(digest.data(), &state_->context), "SHA256_Final");
  return {digest.begin(), digest.end()};
}

std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string digits;
  digits.reserve(2 * bytes.size());
  for (char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    digits += kDigits[byte >> 4];
    digits += kDigits[byte & 15];
  }
  return digits;
}

std::string from_hex(std::string_view digits) {
  const auto value = [&](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    throw Error(ErrorCode::corrupt, "hex",
                "\"" + printable(digits, 80) + "\" is not lower-case hexadecimal");
  };
  std::string bytes;
  if (digits.size() % 2 != 0) {
    throw Error(ErrorCode::corrupt, "hex",
                "an odd number of hexadecimal digits: \"" + printable(digits, 80) + "\"");
  }
  bytes.reserve(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    bytes += static_cast<char>(value(digits[i]) * 16 + value(digits[i + 1]));
  }
  return bytes;
}

}  // namespace tensorferry
