#include "util/crc32c.h"

#include <array>

#include "util/crc32c_versions.h"
#include "util/crc_avx512.h"
#include "util/crc_field.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace tensorferry {
namespace {

using Field = CrcField<0x82F63B78>;
using Table = Field::Table;

#if defined(__x86_64__)

// Multiplication by x^(8 * Bytes), a table for each byte of the register.
template <std::size_t Bytes>
struct Shift {
  static constexpr std::array<Table, 4> make() {
    std::array<Table, 4> tables{};
    const std::uint32_t factor = Field::shift_factor(Bytes);
    for (std::uint32_t k = 0; k < 4; ++k) {
      // Linear: the images of the eight bits give those of all bytes.
      for (std::uint32_t bit = 0; bit < 8; ++bit) {
        const std::uint32_t image = Field::multiply(factor, 1u << (8 * k + bit));
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
      crc = _mm_crc32_u64(crc, Field::load_little(p));
      second = _mm_crc32_u64(second, Field::load_little(p + Bytes));
      third = _mm_crc32_u64(third, Field::load_little(p + 2 * Bytes));
    }
    crc = Shift<Bytes>::apply(crc) ^ second;
    crc = Shift<Bytes>::apply(crc) ^ third;
    p += 2 * Bytes;
    left -= 3 * Bytes;
  }
  return crc;
}

#endif

}  // namespace

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) std::uint32_t detail::crc32c_sse42(
    std::uint32_t start, std::span<const std::byte> bytes) {
  const std::byte* p = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t crc = static_cast<std::uint32_t>(~start);
  crc = three_streams<8192>(crc, p, left);
  crc = three_streams<256>(crc, p, left);
  for (; left >= 8; left -= 8, p += 8) crc = _mm_crc32_u64(crc, Field::load_little(p));
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; left != 0; --left, ++p) narrow = _mm_crc32_u8(narrow, std::to_integer<unsigned char>(*p));
  return ~narrow;
}

#endif

std::uint32_t detail::crc32c_portable(std::uint32_t crc, std::span<const std::byte> bytes) {
  return ~Field::update(~crc, bytes);
}

std::vector<detail::Crc32cVersion> detail::crc32c_versions() {
  std::vector<Crc32cVersion> versions;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) {
    if (has_wide_products()) versions.push_back({"avx512", crc32c_avx512});
    versions.push_back({"sse4.2", crc32c_sse42});
  }
#endif
  versions.push_back({"portable", crc32c_portable});
  return versions;
}

std::uint32_t crc32c(std::uint32_t crc, std::span<const std::byte> bytes) {
  static const auto best = detail::crc32c_versions().front().compute;
  return best(crc, bytes);
}

std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second,
                             std::uint64_t second_length) {
  return Field::combine(first, second, second_length);
}

}  // namespace tensorferry
