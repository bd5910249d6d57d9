#include "util/crc32.h"

#include "util/crc_avx2.h"
#include "util/crc_avx512.h"
#include "util/crc_field.h"
#include "util/crc_fold.h"
#include "util/crc_versions.h"

namespace tensorferry {
namespace {

using Field = CrcField<0xEDB88320>;

#if defined(__x86_64__)

constexpr std::size_t kBlock = 64;

__m128i load(const std::byte* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

// As fold_wide(), with four streams: what remains of them is a message of 16 bytes with the same
// register.
TENSORFERRY_PCLMUL std::uint32_t crc32_folding(std::uint32_t start,
                                               std::span<const std::byte> bytes) {
  if (bytes.size() < kBlock) return detail::crc32_portable(start, bytes);
  const std::byte* p = bytes.data();
  std::size_t left = bytes.size();
  __m128i a = _mm_xor_si128(load(p), _mm_cvtsi32_si128(static_cast<int>(~start)));
  __m128i b = load(p + 16), c = load(p + 32), d = load(p + 48);
  for (p += kBlock, left -= kBlock; left >= kBlock; p += kBlock, left -= kBlock) {
    a = detail::fold_one<Field, kBlock>(a, load(p));
    b = detail::fold_one<Field, kBlock>(b, load(p + 16));
    c = detail::fold_one<Field, kBlock>(c, load(p + 32));
    d = detail::fold_one<Field, kBlock>(d, load(p + 48));
  }
  b = detail::fold_one<Field, 16>(a, b);
  c = detail::fold_one<Field, 16>(b, c);
  d = detail::fold_one<Field, 16>(c, d);
  for (; left >= 16; p += 16, left -= 16) d = detail::fold_one<Field, 16>(d, load(p));
  std::byte rest[16];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(rest), d);
  return ~Field::update(Field::update(0, rest), {p, left});
}

/// By a fold that takes steps of `kStep` bytes.
template <auto kFold, std::size_t kStep>
std::uint32_t crc32_by(std::uint32_t start, std::span<const std::byte> bytes) {
  if (bytes.size() < 2 * kStep) return crc32_folding(start, bytes);
  std::byte rest[16];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(rest), kFold(~start, bytes));
  return crc32_folding(~Field::update(0, rest), bytes);
}

#endif

}  // namespace

std::uint32_t detail::crc32_portable(std::uint32_t crc, std::span<const std::byte> bytes) {
  return ~Field::update(~crc, bytes);
}

std::vector<detail::CrcVersion> detail::crc32_versions() {
  std::vector<CrcVersion> versions;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
    if (has_wide_products()) versions.push_back({"avx512", crc32_by<fold_wide<Field>, wide_step>});
    if (has_paired_products()) versions.push_back({"avx2", crc32_by<fold_pairs<Field>, pair_step>});
    versions.push_back({"pclmul", crc32_folding});
  }
#elif defined(__aarch64__)
  if (has_crc_instructions()) versions.push_back({"armv8", crc32_armv8});
#endif
  versions.push_back({"portable", crc32_portable});
  return versions;
}

std::uint32_t crc32(std::uint32_t crc, std::span<const std::byte> bytes) {
  static const auto best = detail::crc32_versions().front().compute;
  return best(crc, bytes);
}

std::uint32_t crc32_combine(std::uint32_t first, std::uint32_t second,
                            std::uint64_t second_length) {
  return Field::combine(first, second, second_length);
}

std::uint32_t crc32_of_rest(std::uint32_t whole, std::uint32_t first, std::uint64_t second_length) {
  return whole ^ Field::combine(first, 0, second_length);
}

std::uint32_t crc32_without_rest(std::uint32_t whole, std::uint32_t second,
                                 std::uint64_t second_length) {
  return Field::multiply(Field::unshift_factor(second_length), whole ^ second);
}

std::string crc_bytes(std::uint32_t crc) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(crc >> shift & 255);
  return bytes;
}

}  // namespace tensorferry
