#include "szip.h"

#include <algorithm>
#include <string>

#include "tensorferry/error.h"
#include "tensorferry/values.h"
#ifdef TENSORFERRY_SZIP
// Some releases of the header do not say so themselves.
extern "C" {
#include <szlib.h>
}
#endif

namespace tensorferry::hdf5 {
namespace {

constexpr std::size_t kSizeBytes = 4;
// A code of more than one byte stands for 64 blocks of 32 pixels of 4 bytes at most.
constexpr std::size_t kMostSzip = 8192;

[[maybe_unused]] [[noreturn]] void corrupt(const char* detail, const std::string& why) {
  throw Error(ErrorCode::corrupt, detail, why);
}

}  // namespace

#ifdef TENSORFERRY_SZIP

Filter szip_filter(std::span<const unsigned> values) {
  if (values.size() != 4) corrupt("filter", "its szip filter does not have 4 values");
  const Filter filter{.kind = Filter::Kind::szip,
                      .szip = {values[0], values[1], values[2], values[3]}};
  check_szip(filter.szip);
  return filter;
}

void check_szip(const Filter::Szip& szip) {
  // As szlib.h limits them.
  constexpr unsigned kMostOfBlock = SZ_MAX_PIXELS_PER_BLOCK,
                     kMostBlocks = SZ_MAX_BLOCKS_PER_SCANLINE;
  const bool bits = (szip.bits >= 1 && szip.bits <= 24) || szip.bits == 32 || szip.bits == 64;
  const bool block = szip.block >= 2 && szip.block <= kMostOfBlock && szip.block % 2 == 0;
  if (!bits || !block || szip.scanline == 0 || szip.scanline > kMostBlocks * szip.block)
    corrupt("filter", "its szip filter has values that szip does not have");
}

std::vector<std::byte> szip_decompressed(std::span<const std::byte> stored, const Filter& filter,
                                         std::size_t most) {
  if (stored.size() < kSizeBytes) corrupt("size", "a chunk is too short for szip");
  const std::uint64_t declared = little_endian(stored.data(), kSizeBytes);
  const auto stream = stored.subspan(kSizeBytes);
  if (declared > most || declared > stream.size() * kMostSzip) {
    corrupt("size", "a chunk of szip declares " + std::to_string(declared) +
                        " bytes, it can hold " +
                        std::to_string(std::min(most, stream.size() * kMostSzip)));
  }
  std::vector<std::byte> bytes(declared);
  SZ_com_t settings{static_cast<int>(filter.szip.options), static_cast<int>(filter.szip.bits),
                    static_cast<int>(filter.szip.block), static_cast<int>(filter.szip.scanline)};
  std::size_t size = bytes.size();
  const int result =
      SZ_BufftoBuffDecompress(bytes.data(), &size, stream.data(), stream.size(), &settings);
  if (result == SZ_MEM_ERROR) throw Error(ErrorCode::resources, "memory", "out of memory");
  if (result != SZ_OK || size != bytes.size()) corrupt("szip", "a chunk is not a stream of szip");
  return bytes;
}

#else

void check_szip(const Filter::Szip&) {
  throw Error(ErrorCode::unsupported, "filter",
              "it is stored through the filter 4 (szip), which this build is without (it lacked "
              "libaec's szlib.h)");
}

Filter szip_filter(std::span<const unsigned>) {
  const Filter filter{.kind = Filter::Kind::szip};
  check_szip(filter.szip);
  return filter;
}

std::vector<std::byte> szip_decompressed(std::span<const std::byte>, const Filter&, std::size_t) {
  throw Error(ErrorCode::internal, "szip", "szip is not built in");
}

#endif

}  // namespace tensorferry::hdf5
