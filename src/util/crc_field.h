// The arithmetic behind reflected 32-bit CRCs, for any polynomial.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace tensorferry {

/// A CRC register is a polynomial over GF(2) of degree below 32, modulo the CRC's own; the highest
/// bit holds the coefficient of x^0. Appending n bytes to a message multiplies its register by
/// x^(8n).
template <std::uint32_t Polynomial>
struct CrcField {
  static constexpr std::uint32_t one = 0x80000000;
  using Table = std::array<std::uint32_t, 256>;

  static constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
    std::uint32_t product = 0;
    for (std::uint32_t bit = one; bit != 0; bit >>= 1) {
      if ((a & bit) != 0) product ^= b;
      b = (b & 1) != 0 ? (b >> 1) ^ Polynomial : b >> 1;
    }
    return product;
  }

  static constexpr std::uint32_t power(std::uint32_t base, std::uint64_t exponent) {
    std::uint32_t result = one;
    for (; exponent != 0; exponent >>= 1, base = multiply(base, base)) {
      if ((exponent & 1) != 0) result = multiply(result, base);
    }
    return result;
  }

  // shifts[k][n]: x^(8 * n * 16^k)
  static constexpr std::array<std::array<std::uint32_t, 16>, 16> make_shifts() {
    std::array<std::array<std::uint32_t, 16>, 16> result{};
    std::uint32_t base = one >> 8;
    for (auto& row : result) {
      row[0] = one;
      for (std::size_t n = 1; n < row.size(); ++n) row[n] = multiply(row[n - 1], base);
      base = multiply(row.back(), base);
    }
    return result;
  }
  static constexpr std::array<std::array<std::uint32_t, 16>, 16> shifts = make_shifts();

  /// x^(8 * bytes)
  static constexpr std::uint32_t shift_factor(std::uint64_t bytes) {
    std::uint32_t result = one;
    for (std::size_t k = 0; bytes != 0; ++k, bytes >>= 4) {
      const std::uint32_t factor = shifts[k][bytes & 15];
      if (factor != one) result = result == one ? factor : multiply(result, factor);
    }
    return result;
  }

  /// x^(-8 * bytes): takes bytes off the end of a message.
  static constexpr std::uint32_t unshift_factor(std::uint64_t bytes) {
    std::uint32_t byte = one;
    for (int bit = 0; bit < 8; ++bit) {
      // Multiplication by x, undone: the polynomial has the highest bit.
      byte = (byte & one) != 0 ? (byte ^ Polynomial) << 1 | 1 : byte << 1;
    }
    return power(byte, bytes);
  }

  /// The CRC of a concatenation.
  static constexpr std::uint32_t combine(std::uint32_t first, std::uint32_t second,
                                         std::uint64_t second_length) {
    return first == 0 ? second : multiply(shift_factor(second_length), first) ^ second;
  }

  // slices[k][b]: the register that byte b leaves after k further zero bytes.
  static constexpr std::array<Table, 8> make_slices() {
    std::array<Table, 8> result{};
    for (std::uint32_t b = 0; b < 256; ++b) {
      std::uint32_t value = b;
      for (int bit = 0; bit < 8; ++bit)
        value = (value & 1) != 0 ? (value >> 1) ^ Polynomial : value >> 1;
      result[0][b] = value;
    }
    for (std::size_t k = 1; k < 8; ++k) {
      for (std::size_t b = 0; b < 256; ++b) {
        result[k][b] = (result[k - 1][b] >> 8) ^ result[0][result[k - 1][b] & 255];
      }
    }
    return result;
  }
  static constexpr std::array<Table, 8> slices = make_slices();

  /// The register `crc` after `bytes`, eight at a time: needs no instruction of its own.
  static std::uint32_t update(std::uint32_t crc, std::span<const std::byte> bytes) {
    const std::byte* p = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, p += 8) {
      const std::uint64_t word = load_little(p) ^ crc;
      crc = 0;
      for (std::size_t k = 0; k < 8; ++k) crc ^= slices[7 - k][word >> (8 * k) & 255];
    }
    for (; left != 0; --left, ++p) {
      crc = (crc >> 8) ^ slices[0][(crc ^ std::to_integer<std::uint32_t>(*p)) & 255];
    }
    return crc;
  }

  static std::uint64_t load_little(const std::byte* p) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, sizeof word);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    return word;
  }
};

}  // namespace tensorferry
