// CRCs by an instruction of the processor that takes eight bytes at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "util/crc_field.h"

// What a function that uses the instruction is compiled for.
#if defined(__x86_64__)
#define TENSORFERRY_CRC __attribute__((target("sse4.2")))
#elif defined(__aarch64__) && defined(__clang__)
#define TENSORFERRY_CRC __attribute__((target("crc")))
#elif defined(__aarch64__)
#define TENSORFERRY_CRC __attribute__((target("+crc")))
#endif

#ifdef TENSORFERRY_CRC

namespace tensorferry::detail {

/// Multiplication by x^(8 * Bytes), a table for each byte of the register.
template <typename Field, std::size_t Bytes>
struct CrcShift {
  using Table = typename Field::Table;
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

/// The instruction takes two or three cycles but one can start in each: three streams side by side.
template <typename Instruction, std::size_t Bytes>
TENSORFERRY_CRC typename Instruction::Register three_streams(typename Instruction::Register crc,
                                                             const std::byte*& p,
                                                             std::size_t& left) {
  using Field = typename Instruction::Field;
  using Shift = CrcShift<Field, Bytes>;
  while (left >= 3 * Bytes) {
    typename Instruction::Register second = 0, third = 0;
    for (const std::byte* end = p + Bytes; p < end; p += 8) {
      crc = Instruction::word(crc, Field::load_little(p));
      second = Instruction::word(second, Field::load_little(p + Bytes));
      third = Instruction::word(third, Field::load_little(p + 2 * Bytes));
    }
    crc = Shift::apply(crc) ^ second;
    crc = Shift::apply(crc) ^ third;
    p += 2 * Bytes;
    left -= 3 * Bytes;
  }
  return crc;
}

/// The CRC of what gave `start`, followed by `bytes`.
template <typename Instruction>
TENSORFERRY_CRC std::uint32_t crc_by_instruction(std::uint32_t start,
                                                 std::span<const std::byte> bytes) {
  const std::byte* p = bytes.data();
  std::size_t left = bytes.size();
  typename Instruction::Register crc = static_cast<std::uint32_t>(~start);
  crc = three_streams<Instruction, 8192>(crc, p, left);
  crc = three_streams<Instruction, 256>(crc, p, left);
  for (; left >= 8; left -= 8, p += 8)
    crc = Instruction::word(crc, Instruction::Field::load_little(p));
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; left != 0; --left, ++p)
    narrow = Instruction::byte(narrow, std::to_integer<std::uint8_t>(*p));
  return ~narrow;
}

}  // namespace tensorferry::detail

#endif
