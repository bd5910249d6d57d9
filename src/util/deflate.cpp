#include "util/deflate.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

#include "tensorferry/error.h"

#if defined(TENSORFERRY_LIBDEFLATE)
#include <libdeflate.h>
#endif

namespace tensorferry {
namespace {

[[noreturn]] void no_memory() {
  throw Error(ErrorCode::resources, "memory", "the compressor has no memory");
}

}  // namespace

#if defined(TENSORFERRY_LIBDEFLATE)

namespace {

using Compressor = std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)>;

Compressor make_compressor(int level) {
  Compressor made(libdeflate_alloc_compressor(level), libdeflate_free_compressor);
  if (!made) no_memory();
  return made;
}

bool compresses(std::span<const std::byte> part) {
  constexpr std::size_t sample_bytes = 16u << 10;
  if (part.size() < 4 * sample_bytes) return true;
  const auto sample = part.first(sample_bytes);
  std::byte out[sample_bytes / 32 * 31];
  const Compressor compressor = make_compressor(1);
  return libdeflate_deflate_compress(compressor.get(), sample.data(), sample.size(), out,
                                     sizeof out) != 0;
}

/// Blocks that are not the last ones.
void append_stored(std::span<const std::byte> bytes, std::vector<std::byte>& out) {
  constexpr std::size_t most = 65535;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(most, bytes.size()))) {
    const auto part = bytes.first(std::min(most, bytes.size()));
    const auto length = static_cast<unsigned>(part.size());
    const unsigned header[] = {0, length & 255u, length >> 8u, ~length & 255u,
                               ~length >> 8u & 255u};
    for (unsigned byte : header) out.push_back(static_cast<std::byte>(byte));
    out.insert(out.end(), part.begin(), part.end());
  }
}

}  // namespace

std::vector<std::byte> zlib_compressed(std::span<const std::byte> bytes, int level,
                                       std::size_t planes) {
  constexpr int most_sampled = 6;
  constexpr std::size_t frame = 6, block = 8;  // two bytes and the checksum; of a stored block
  std::size_t stored = 0;
  if (level > 0 && level <= most_sampled) {
    const std::size_t part = bytes.size() / planes;
    while (stored + part < bytes.size() && !compresses(bytes.subspan(stored, part))) stored += part;
  }
  const Compressor compressor = make_compressor(level);
  const auto rest = bytes.subspan(stored);
  const std::size_t bound = libdeflate_deflate_compress_bound(compressor.get(), rest.size());
  std::vector<std::byte> out;
  out.reserve(frame + stored + (stored / 65535 + 1) * block + bound);
  out.push_back(std::byte{0x78});
  out.push_back(std::byte{0x01});
  append_stored(bytes.first(stored), out);
  const std::size_t at = out.size();
  out.resize(at + bound);
  const std::size_t size = libdeflate_deflate_compress(compressor.get(), rest.data(), rest.size(),
                                                       out.data() + at, bound);
  if (size == 0) throw Error(ErrorCode::internal, "deflate", "the bound of a stream was too small");
  out.resize(at + size);
  const std::uint32_t sum = libdeflate_adler32(1, bytes.data(), bytes.size());
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(sum >> shift));
  return out;
}

Inflation zlib_inflate(std::span<const std::byte> stream, std::vector<std::byte>& bytes) {
  const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> decompressor(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  if (!decompressor) no_memory();
  std::size_t used = 0, size = 0;
  switch (libdeflate_zlib_decompress_ex(decompressor.get(), stream.data(), stream.size(),
                                        bytes.data(), bytes.size(), &used, &size)) {
    case LIBDEFLATE_SUCCESS:
      bytes.resize(size);
      return Inflation::whole;
    case LIBDEFLATE_INSUFFICIENT_SPACE:
      return Inflation::too_large;
    default:
      return Inflation::damaged;
  }
}

#else

std::vector<std::byte> zlib_compressed(std::span<const std::byte> bytes, int level,
                                       std::size_t /*planes*/) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::vector<std::byte> out(size);
  if (compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uLong>(bytes.size()),
                level) != Z_OK) {
    no_memory();
  }
  out.resize(size);
  return out;
}

Inflation zlib_inflate(std::span<const std::byte> stream, std::vector<std::byte>& bytes) {
  z_stream state{};
  if (inflateInit(&state) != Z_OK) no_memory();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ender(&state, inflateEnd);
  state.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(stream.data()));
  state.avail_in = static_cast<uInt>(stream.size());
  state.next_out = reinterpret_cast<Bytef*>(bytes.data());
  state.avail_out = static_cast<uInt>(bytes.size());
  const int result = inflate(&state, Z_FINISH);
  if (result == Z_BUF_ERROR && state.avail_out == 0) return Inflation::too_large;
  if (result != Z_STREAM_END) return Inflation::damaged;
  bytes.resize(state.total_out);
  return Inflation::whole;
}

#endif

std::vector<std::byte> deflated_block(std::span<const std::byte> before,
                                      std::span<const std::byte> bytes, int level, bool last) {
  z_stream stream{};
  // Raw, as in zip files; the rest as in deflateInit.
  if (deflateInit2(&stream, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    no_memory();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ender(&stream, deflateEnd);
  const auto window = before.last(std::min(before.size(), kDeflateWindow));
  if (!window.empty()) {
    deflateSetDictionary(&stream, reinterpret_cast<const Bytef*>(window.data()),
                         static_cast<uInt>(window.size()));
  }
  constexpr std::size_t flush_bytes = 16;  // the empty block that ends at a byte
  std::vector<std::byte> out(deflateBound(&stream, static_cast<uLong>(bytes.size())) + flush_bytes);
  // zlib does not write to its input.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, last ? Z_FINISH : Z_SYNC_FLUSH);
  if (status != (last ? Z_STREAM_END : Z_OK) || stream.avail_in != 0 || stream.avail_out == 0)
    throw Error(ErrorCode::internal, "deflate", "the bound of a block was too small");
  out.resize(stream.total_out);
  return out;
}

}  // namespace tensorferry
