#include "util/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace tensorferry {
namespace {

// A CRC register is a polynomial over GF(2) of degree below 32, modulo the CRC's own; the highest
// bit holds the coefficient of x^0. Appending n bytes to a message multiplies its register by
// x^(8n).
constexpr std::uint32_t kPolynomial = 0x82F63B78;
constexpr std::uint32_t kOne = 0x80000000;

constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = kOne; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b & 1) != 0 ? (b >> 1) ^ kPolynomial : b >> 1;
  }
  return product;
}

// x^(8 * bytes)
constexpr std::uint32_t shift_factor(std::uint64_t bytes) {
  std::uint32_t factor = kOne;
  for (std::uint32_t square = kOne >> 8; bytes != 0;
       bytes >>= 1, square = multiply(square, square)) {
    if ((bytes & 1) != 0) factor = multiply(factor, square);
  }
  return factor;
}

using Table = std::array<std::uint32_t, 256>;

// kSlices[k][b]: the register that byte b leaves after k further zero bytes.
constexpr std::array<Table, 8> make_slices() {
  std::array<Table, 8> slices{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t value = b;
    for (int bit = 0; bit < 8; ++bit)
      value = (value & 1) != 0 ? (value >> 1) ^ kPolynomial : value >> 1;
    slices[0][b] = value;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t b = 0; b < 256; ++b) {
      slices[k][b] = (slices[k - 1][b] >> 8) ^ slices[0][slices[k - 1][b] & 255];
    }
  }
  return slices;
}
constexpr std::array<Table, 8> kSlices = make_slices();

std::uint64_t load_little(const std::byte* p) {
  std::uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

std::uint32_t step_portable(std::uint32_t crc, std::byte byte) {
  return (crc >> 8) ^ kSlices[0][(crc ^ std::to_integer<std::uint32_t>(byte)) & 255];
}

#if defined(__x86_64__)

// Multiplication by x^(8 * Bytes), a table for each byte of the register.
template <std::size_t Bytes>
struct Shift {
  static constexpr std::array<Table, 4> make() {
    std::array<Table, 4> tables{};
    const std::uint32_t factor = shift_factor(Bytes);
    for (std::uint32_t k = 0; k < 4; ++k) {
      // Linear: the images of the eight bits give those of all bytes.
      for (std::uint32_t bit = 0; bit < 8; ++bit) {
        const std::uint32_t image = multiply(factor, 1u << (8 * k + bit));
        for (std::uint32_t b = 0; b < (1u << bit); ++b)
          tables[k][b + (1u << bit)] = tables[k][b] ^ image;
      }
    }
    return tables;
  }
  static constexpr std::array<Table, 4> kTables = make();
  static std::uint32_t apply(std::uint64_t crc) {
    return kTables[0][crc & 255] ^ kTables[1][crc >> 8 & 255] ^ kTables[2][crc >> 16 & 255] ^
           kTables[3][crc >> 24 & 255];
  }
};

// The instruction takes three cycles but one can start in each: three streams side by side.
template <std::size_t Bytes>
__attribute__((target("sse4.2"))) std::uint64_t three_streams(std::uint64_t crc,
                                                              const std::byte*& p,
                                                              std::size_t& left) {
  while (left >= 3 * Bytes) {
    std::uint64_t second = 0, third = 0;
    for (const std::byte* end = p + Bytes; p < end; p += 8) {
      crc = _mm_crc32_u64(crc, load_little(p));
      second = _mm_crc32_u64(second, load_little(p + Bytes));
      third = _mm_crc32_u64(third, load_little(p + 2 * Bytes));
    }
    crc = Shift<Bytes>::apply(crc) ^ second;
    crc = Shift<Bytes>::apply(crc) ^ third;
    p += 2 * Bytes;
    left -= 3 * Bytes;
  }
  return crc;
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::uint32_t start,
                                                             std::span<const std::byte> bytes) {
  const std::byte* p = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t crc = static_cast<std::uint32_t>(~start);
  crc = three_streams<8192>(crc, p, left);
  crc = three_streams<256>(crc, p, left);
  for (; left >= 8; left -= 8, p += 8) crc = _mm_crc32_u64(crc, load_little(p));
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; left != 0; --left, ++p) narrow = _mm_crc32_u8(narrow, std::to_integer<unsigned char>(*p));
  return ~narrow;
}

#endif

}  // namespace

std::uint32_t detail::crc32c_portable(std::uint32_t crc, std::span<const std::byte> bytes) {
  crc = ~crc;
  const std::byte* p = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, p += 8) {
    const std::uint64_t word = load_little(p) ^ crc;
    crc = 0;
    for (std::size_t k = 0; k < 8; ++k) crc ^= kSlices[7 - k][word >> (8 * k) & 255];
  }
  for (; left != 0; --left, ++p) crc = step_portable(crc, *p);
  return ~crc;
}

std::uint32_t crc32c(std::uint32_t crc, std::span<const std::byte> bytes) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return crc32c_sse42(crc, bytes);
#endif
  return detail::crc32c_portable(crc, bytes);
}

std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second,
                             std::uint64_t second_length) {
  return multiply(shift_factor(second_length), first) ^ second;
}

}  // namespace tensorferry
