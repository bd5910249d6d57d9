#include "filters.h"

#include <algorithm>
#include <string>

#include "lzf.h"
#include "szip.h"
#include "tensorferry/error.h"
#include "util/deflate.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::size_t kChecksum = 4;

[[noreturn]] void corrupt(std::string_view detail, std::string message) {
  throw Error(ErrorCode::corrupt, detail, std::move(message));
}

// At most `limit` bytes.
std::vector<std::byte> inflated(const std::vector<std::byte>& stored, std::size_t limit) {
  if (limit > stored.size() * kMostInflation + 64) {
    corrupt("size", std::to_string(stored.size()) + " bytes of deflate cannot hold a chunk of " +
                        std::to_string(limit));
  }
  std::vector<std::byte> bytes(limit);
  switch (zlib_inflate(stored, bytes)) {
    case Inflation::whole:
      break;
    case Inflation::too_large:
      corrupt("size", "a chunk inflates past its " + std::to_string(limit) + " bytes");
    case Inflation::damaged:
      corrupt("deflate", "a chunk does not inflate");
  }
  return bytes;
}

std::vector<std::byte> unshuffled(const std::vector<std::byte>& bytes, std::size_t element) {
  const std::size_t count = bytes.size() / element;
  if (element <= 1 || count <= 1) return bytes;
  std::vector<std::byte> result(bytes);
  for (std::size_t part = 0; part < element; ++part) {
    const std::byte* from = bytes.data() + part * count;
    std::byte* to = result.data() + part;
    for (std::size_t i = 0; i < count; ++i) to[i * element] = from[i];
  }
  return result;
}

void check_fletcher(std::vector<std::byte>& bytes) {
  if (bytes.size() < kChecksum) corrupt("size", "a chunk is too short for its checksum");
  const std::size_t size = bytes.size() - kChecksum;
  std::uint32_t stored = 0;
  for (std::size_t i = 0; i < kChecksum; ++i)
    stored |= std::to_integer<std::uint32_t>(bytes[size + i]) << 8 * i;
  bytes.resize(size);
  const std::uint32_t found = fletcher32(bytes);
  // Releases before 1.6.3 swapped the bytes of each half on little-endian machines.
  const std::uint32_t swapped = (found & 0x00ff00ffu) << 8 | (found >> 8 & 0x00ff00ffu);
  if (stored != found && stored != swapped)
    corrupt("checksum", "a chunk does not fit its checksum (fletcher32)");
}

}  // namespace

std::uint32_t fletcher32(std::span<const std::byte> bytes) {
  constexpr std::size_t kPairs = 360;  // sums of that many stay below 2^32
  std::uint32_t a = 0, b = 0;
  const auto fold = [](std::uint32_t sum) { return (sum & 0xffff) + (sum >> 16); };
  std::size_t at = 0;
  while (at + 1 < bytes.size()) {
    for (std::size_t i = 0; i < kPairs && at + 1 < bytes.size(); ++i, at += 2) {
      a += std::to_integer<std::uint32_t>(bytes[at]) << 8 |
           std::to_integer<std::uint32_t>(bytes[at + 1]);
      b += a;
    }
    a = fold(a);
    b = fold(b);
  }
  if (at < bytes.size()) {
    a += std::to_integer<std::uint32_t>(bytes[at]) << 8;
    b += a;
    a = fold(a);
    b = fold(b);
  }
  return fold(b) << 16 | fold(a);
}

void check_filters(const std::vector<Filter>& filters) {
  constexpr std::size_t kMost = 32;  // bits of `skipped`
  const auto compressions = std::count_if(
      filters.begin(), filters.end(), [](const Filter& filter) { return compresses(filter.kind); });
  if (compressions > 1 || filters.size() > kMost)
    throw Error(ErrorCode::unsupported, "filter", "it is compressed more than once");
  for (const Filter& filter : filters) {
    if (filter.kind == Filter::Kind::szip) check_szip(filter.szip);
  }
}

std::vector<std::byte> unfiltered(std::vector<std::byte> stored, const std::vector<Filter>& filters,
                                  std::uint32_t skipped, std::size_t size) {
  std::size_t checksums = 0;
  for (const Filter& filter : filters) checksums += filter.kind == Filter::Kind::fletcher32;
  for (std::size_t i = filters.size(); i-- > 0;) {
    if (skipped >> i & 1) continue;
    switch (filters[i].kind) {
      case Filter::Kind::deflate:
        stored = inflated(stored, size + checksums * kChecksum);
        break;
      case Filter::Kind::lzf:
        stored = lzf_decompressed(stored, size + checksums * kChecksum);
        break;
      case Filter::Kind::szip:
        stored = szip_decompressed(stored, filters[i], size + checksums * kChecksum);
        break;
      case Filter::Kind::shuffle:
        if (filters[i].element_bytes == 0)
          corrupt("filter", "its shuffle filter does not say of how many bytes");
        stored = unshuffled(stored, filters[i].element_bytes);
        break;
      case Filter::Kind::fletcher32:
        check_fletcher(stored);
        break;
    }
  }
  if (stored.size() != size) {
    corrupt("size", "a chunk holds " + std::to_string(stored.size()) + " bytes, its shape takes " +
                        std::to_string(size));
  }
  return stored;
}

}  // namespace tensorferry::hdf5
