#include "plan/kernels.h"

#include <cstring>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tensorferry {
namespace {

template <typename Unit, typename Swap>
void swap_units(std::span<std::byte> bytes, Swap swap) {
  for (std::size_t i = 0; i + sizeof(Unit) <= bytes.size(); i += sizeof(Unit)) {
    Unit unit;
    std::memcpy(&unit, bytes.data() + i, sizeof unit);
    unit = swap(unit);
    std::memcpy(bytes.data() + i, &unit, sizeof unit);
  }
}

#if defined(__x86_64__)
/// Swaps whole registers; how many bytes those were.
__attribute__((target("avx2"))) std::size_t swap_avx2(std::span<std::byte> bytes,
                                                      std::uint32_t component) {
  alignas(16) char order[16];
  for (std::uint32_t i = 0; i < 16; ++i)
    order[i] = static_cast<char>(i / component * component + (component - 1 - i % component));
  const __m256i shuffle =
      _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(order)));
  std::size_t at = 0;
  for (; at + 32 <= bytes.size(); at += 32) {
    auto* p = reinterpret_cast<__m256i*>(bytes.data() + at);
    _mm256_storeu_si256(p, _mm256_shuffle_epi8(_mm256_loadu_si256(p), shuffle));
  }
  return at;
}
#endif

constexpr std::size_t kLongDoubleBytes = 16;
constexpr std::size_t kLongDoubleValue = 10;  // x87: 80 bits, then padding

}  // namespace

void swap_bytes(std::span<std::byte> bytes, std::uint32_t component_bytes) {
#if defined(__x86_64__)
  const bool fits = component_bytes == 2 || component_bytes == 4 || component_bytes == 8;
  if (fits && __builtin_cpu_supports("avx2"))
    bytes = bytes.subspan(swap_avx2(bytes, component_bytes));
#endif
  switch (component_bytes) {
    case 0:
    case 1:
      return;
    case 2:
      return swap_units<std::uint16_t>(bytes, [](auto v) { return __builtin_bswap16(v); });
    case 4:
      return swap_units<std::uint32_t>(bytes, [](auto v) { return __builtin_bswap32(v); });
    case 8:
      return swap_units<std::uint64_t>(bytes, [](auto v) { return __builtin_bswap64(v); });
    default:
      for (std::size_t i = 0; i + component_bytes <= bytes.size(); i += component_bytes) {
        for (std::size_t j = 0; j < component_bytes / 2; ++j) {
          std::swap(bytes[i + j], bytes[i + component_bytes - 1 - j]);
        }
      }
  }
}

std::uint64_t normalise(DType dtype, std::span<std::byte> bytes) {
  const DTypeInfo& row = info(dtype);
  if (row.kind == DTypeKind::boolean) {
    std::uint64_t changed = 0;
    for (std::byte& b : bytes) {
      changed += static_cast<unsigned char>(b) > 1;
      b = std::byte{b != std::byte{0}};
    }
    return changed;
  }
  if (row.bits > 0 && row.bits < 8) {
    const auto mask = static_cast<std::byte>((1u << row.bits) - 1);
    for (std::byte& b : bytes) b &= mask;
  }
  if (dtype == DType::longdouble) {
    for (std::size_t i = 0; i + kLongDoubleBytes <= bytes.size(); i += kLongDoubleBytes) {
      std::memset(bytes.data() + i + kLongDoubleValue, 0, kLongDoubleBytes - kLongDoubleValue);
    }
  }
  return 0;
}

void sign_extend(DType dtype, std::span<std::byte> codes) {
  const unsigned sign = 1u << (info(dtype).bits - 1);
  for (std::byte& b : codes) {
    auto code = static_cast<unsigned>(b);
    b = static_cast<std::byte>((code ^ sign) - sign);
  }
}

void pack_bits(DType dtype, std::span<const std::byte> codes, std::span<std::byte> packed) {
  const std::uint32_t bits = info(dtype).bits;
  unsigned pending = 0;
  std::uint32_t pending_bits = 0;
  std::size_t out = 0;
  for (std::byte code : codes) {
    pending |= static_cast<unsigned>(code) << pending_bits;
    pending_bits += bits;
    if (pending_bits >= 8) {
      packed[out++] = static_cast<std::byte>(pending & 0xff);
      pending >>= 8;
      pending_bits -= 8;
    }
  }
  if (pending_bits > 0) packed[out] = static_cast<std::byte>(pending);
}

void unpack_bits(DType dtype, std::span<const std::byte> packed, std::uint32_t first_bit,
                 std::span<std::byte> codes) {
  const std::uint32_t bits = info(dtype).bits;
  const unsigned mask = (1u << bits) - 1;
  std::uint64_t bit = first_bit;
  for (std::byte& code : codes) {
    const std::size_t at = bit / 8;
    unsigned word = static_cast<unsigned>(packed[at]);
    if (bit % 8 + bits > 8) word |= static_cast<unsigned>(packed[at + 1]) << 8;
    code = static_cast<std::byte>((word >> (bit % 8)) & mask);
    bit += bits;
  }
}

std::uint64_t cut_elements(Codec stored, Codec target) {
  return stored == Codec::packed || target == Codec::packed ? 8 : 1;
}

}  // namespace tensorferry
