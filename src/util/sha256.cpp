#include "util/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>

#include "tensorferry/error.h"

namespace tensorferry {
namespace {

[[noreturn]] void failed(const char* step) {
  throw Error(ErrorCode::internal, "sha256", std::string("libcrypto failed in ") + step);
}

// Fetched once: looking it up for every small tensor would cost more than hashing it. Lives as long
// as the process.
const EVP_MD* algorithm() {
  static const EVP_MD* const kAlgorithm = [] {
    // A system's openssl.cnf is none of our business and costs start-up time.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    return EVP_MD_fetch(nullptr, "SHA256", nullptr);
  }();
  if (kAlgorithm == nullptr) failed("EVP_MD_fetch");
  return kAlgorithm;
}

}  // namespace

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  const EVP_MD* sha256 = algorithm();
  if (state_->context == nullptr) throw std::bad_alloc();
  if (EVP_DigestInit_ex(state_->context, sha256, nullptr) != 1) failed("EVP_DigestInit_ex");
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1)
    failed("EVP_DigestUpdate");
}

void Sha256::update(std::string_view bytes) { update(std::as_bytes(std::span(bytes))); }

std::string Sha256::finish() {
  std::array<unsigned char, 32> digest{};
  unsigned length = 0;
  if (EVP_DigestFinal_ex(state_->context, digest.data(), &length) != 1 || length != digest.size()) {
    failed("EVP_DigestFinal_ex");
  }
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
