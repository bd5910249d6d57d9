#include "plan/transpose.h"

#if defined(__x86_64__)

// GCC 12 calls the undefined operands of its own intrinsics uninitialized.
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

namespace tensorferry {
namespace {

// A block is as many rows as a register holds elements. Each 16-byte lane is transposed with those
// of its neighbours by unpacking (`Lane` rows and columns), then the lanes change places: every
// load and store is of a whole register.
#define TENSORFERRY_AVX2 __attribute__((target("avx2")))
#define TENSORFERRY_AVX512 __attribute__((target("avx512f,avx512bw")))

constexpr std::size_t kLaneBytes = 16;

template <std::size_t kUnit>
TENSORFERRY_AVX2 inline __m256i low(__m256i a, __m256i b) {
  if constexpr (kUnit == 1) return _mm256_unpacklo_epi8(a, b);
  if constexpr (kUnit == 2) return _mm256_unpacklo_epi16(a, b);
  if constexpr (kUnit == 4) return _mm256_unpacklo_epi32(a, b);
  return _mm256_unpacklo_epi64(a, b);
}

template <std::size_t kUnit>
TENSORFERRY_AVX2 inline __m256i high(__m256i a, __m256i b) {
  if constexpr (kUnit == 1) return _mm256_unpackhi_epi8(a, b);
  if constexpr (kUnit == 2) return _mm256_unpackhi_epi16(a, b);
  if constexpr (kUnit == 4) return _mm256_unpackhi_epi32(a, b);
  return _mm256_unpackhi_epi64(a, b);
}

template <std::size_t kUnit>
TENSORFERRY_AVX512 inline __m512i low(__m512i a, __m512i b) {
  if constexpr (kUnit == 1) return _mm512_unpacklo_epi8(a, b);
  if constexpr (kUnit == 2) return _mm512_unpacklo_epi16(a, b);
  if constexpr (kUnit == 4) return _mm512_unpacklo_epi32(a, b);
  return _mm512_unpacklo_epi64(a, b);
}

template <std::size_t kUnit>
TENSORFERRY_AVX512 inline __m512i high(__m512i a, __m512i b) {
  if constexpr (kUnit == 1) return _mm512_unpackhi_epi8(a, b);
  if constexpr (kUnit == 2) return _mm512_unpackhi_epi16(a, b);
  if constexpr (kUnit == 4) return _mm512_unpackhi_epi32(a, b);
  return _mm512_unpackhi_epi64(a, b);
}

// The lanes of rows[0..kLane), transposed: rows[i] then holds column i of each lane. Twice the
// same, as a function has the vectors of one processor.
template <std::size_t kElement, std::size_t kDistance = 1>
TENSORFERRY_AVX2 inline void turn_lanes(__m256i* rows) {
  constexpr std::size_t kLane = kLaneBytes / kElement;
  if constexpr (kDistance < kLane) {
    __m256i out[kLane];
    for (std::size_t base = 0; base < kLane; base += 2 * kDistance) {
      for (std::size_t i = base; i < base + kDistance; ++i) {
        out[2 * i - base] = low<kElement * kDistance>(rows[i], rows[i + kDistance]);
        out[2 * i - base + 1] = high<kElement * kDistance>(rows[i], rows[i + kDistance]);
      }
    }
    for (std::size_t i = 0; i < kLane; ++i) rows[i] = out[i];
    turn_lanes<kElement, 2 * kDistance>(rows);
  }
}

template <std::size_t kElement, std::size_t kDistance = 1>
TENSORFERRY_AVX512 inline void turn_lanes(__m512i* rows) {
  constexpr std::size_t kLane = kLaneBytes / kElement;
  if constexpr (kDistance < kLane) {
    __m512i out[kLane];
    for (std::size_t base = 0; base < kLane; base += 2 * kDistance) {
      for (std::size_t i = base; i < base + kDistance; ++i) {
        out[2 * i - base] = low<kElement * kDistance>(rows[i], rows[i + kDistance]);
        out[2 * i - base + 1] = high<kElement * kDistance>(rows[i], rows[i + kDistance]);
      }
    }
    for (std::size_t i = 0; i < kLane; ++i) rows[i] = out[i];
    turn_lanes<kElement, 2 * kDistance>(rows);
  }
}

template <std::size_t kElement>
TENSORFERRY_AVX2 inline void block_avx2(std::byte* to, std::uint64_t to_step, const std::byte* from,
                                        std::uint64_t from_step) {
  constexpr std::size_t kLane = kLaneBytes / kElement;
  __m256i rows[2 * kLane];
  for (std::size_t i = 0; i < 2 * kLane; ++i)
    rows[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i * from_step));
  turn_lanes<kElement>(rows);
  turn_lanes<kElement>(rows + kLane);
  const auto store = [&](std::size_t column, __m256i value) TENSORFERRY_AVX2 {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + column * to_step), value);
  };
  for (std::size_t i = 0; i < kLane; ++i) {
    store(i, _mm256_permute2x128_si256(rows[i], rows[kLane + i], 0x20));
    store(kLane + i, _mm256_permute2x128_si256(rows[i], rows[kLane + i], 0x31));
  }
}

template <std::size_t kElement>
TENSORFERRY_AVX512 inline void block_avx512(std::byte* to, std::uint64_t to_step,
                                            const std::byte* from, std::uint64_t from_step) {
  constexpr std::size_t kLane = kLaneBytes / kElement;
  __m512i rows[4 * kLane];
  for (std::size_t i = 0; i < 4 * kLane; ++i) rows[i] = _mm512_loadu_si512(from + i * from_step);
  for (std::size_t lane = 0; lane < 4; ++lane) turn_lanes<kElement>(rows + lane * kLane);
  constexpr int kEven = 0x88, kOdd = 0xdd;  // lanes 0 and 2, 1 and 3, of both
  for (std::size_t i = 0; i < kLane; ++i) {
    const __m512i a = rows[i], b = rows[kLane + i], c = rows[2 * kLane + i],
                  d = rows[3 * kLane + i];
    const __m512i even_ab = _mm512_shuffle_i32x4(a, b, kEven);
    const __m512i even_cd = _mm512_shuffle_i32x4(c, d, kEven);
    const __m512i odd_ab = _mm512_shuffle_i32x4(a, b, kOdd);
    const __m512i odd_cd = _mm512_shuffle_i32x4(c, d, kOdd);
    std::byte* column = to + i * to_step;
    const std::uint64_t lane_step = kLane * to_step;
    _mm512_storeu_si512(column, _mm512_shuffle_i32x4(even_ab, even_cd, kEven));
    _mm512_storeu_si512(column + lane_step, _mm512_shuffle_i32x4(odd_ab, odd_cd, kEven));
    _mm512_storeu_si512(column + 2 * lane_step, _mm512_shuffle_i32x4(even_ab, even_cd, kOdd));
    _mm512_storeu_si512(column + 3 * lane_step, _mm512_shuffle_i32x4(odd_ab, odd_cd, kOdd));
  }
}

/// Asks for the lines that the next block of columns begins in: with so many rows far apart the
/// processor sees no pattern, and waits for each.
template <std::size_t kBlock>
inline void expect_block(const std::byte* to, std::uint64_t to_step) {
  for (std::size_t i = 0; i < kBlock; ++i)
    _mm_prefetch(reinterpret_cast<const char*>(to + i * to_step), _MM_HINT_T1);
}

template <std::size_t kElement>
TENSORFERRY_AVX2 void blocks_avx2(std::byte* to, const std::byte* from, const Turn& turn) {
  constexpr std::uint64_t kBlock = sizeof(__m256i) / kElement;
  for (std::uint64_t column = 0; column + kBlock <= turn.columns; column += kBlock) {
    std::byte* next =
        column + 2 * kBlock <= turn.columns ? to + (column + kBlock) * turn.to_step : nullptr;
    for (std::uint64_t row = 0; row + kBlock <= turn.rows; row += kBlock) {
      if (next) expect_block<kBlock>(next + row * kElement, turn.to_step);
      block_avx2<kElement>(to + column * turn.to_step + row * kElement, turn.to_step,
                           from + row * turn.from_step + column * kElement, turn.from_step);
    }
  }
}

template <std::size_t kElement>
TENSORFERRY_AVX512 void blocks_avx512(std::byte* to, const std::byte* from, const Turn& turn) {
  constexpr std::uint64_t kBlock = sizeof(__m512i) / kElement;
  for (std::uint64_t column = 0; column + kBlock <= turn.columns; column += kBlock) {
    std::byte* next =
        column + 2 * kBlock <= turn.columns ? to + (column + kBlock) * turn.to_step : nullptr;
    for (std::uint64_t row = 0; row + kBlock <= turn.rows; row += kBlock) {
      if (next) expect_block<kBlock>(next + row * kElement, turn.to_step);
      block_avx512<kElement>(to + column * turn.to_step + row * kElement, turn.to_step,
                             from + row * turn.from_step + column * kElement, turn.from_step);
    }
  }
}

template <std::size_t kElement>
std::vector<TransposeVersion> versions() {
  std::vector<TransposeVersion> found;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
    found.push_back({"avx512", blocks_avx512<kElement>, sizeof(__m512i) / kElement});
  if (__builtin_cpu_supports("avx2"))
    found.push_back({"avx2", blocks_avx2<kElement>, sizeof(__m256i) / kElement});
  return found;
}

}  // namespace

std::vector<TransposeVersion> transpose_versions(std::size_t element) {
  switch (element) {
    case 1:
      return versions<1>();
    case 2:
      return versions<2>();
    case 4:
      return versions<4>();
    case 8:
      return versions<8>();
    default:
      return {};
  }
}

}  // namespace tensorferry

#else

namespace tensorferry {
std::vector<TransposeVersion> transpose_versions(std::size_t /*element*/) { return {}; }
}  // namespace tensorferry

#endif
