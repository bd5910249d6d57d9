#include <algorithm>
#include <numeric>

#include "plan/scan.h"
#include "tensorferry/compare.h"
#include "tensorferry/convert.h"
#include "tensorferry/stream.h"
#include "util/sha256.h"

namespace tensorferry {
namespace {

std::string little_endian(std::uint64_t value) {
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

/// `advance` is told of the bytes that were read.
std::string hash_of(const Tensor& tensor, const Limits& limits,
                    const std::function<void(std::uint64_t)>& advance) {
  Sha256 hash;
  if (info(tensor.dtype).kind == DTypeKind::string) {
    for (const std::string& text : load_strings(tensor, limits)) {
      hash.update(little_endian(text.size()));
      hash.update(text);
    }
    advance(tensor.bytes());
    return to_hex(hash.finish());
  }
  auto stream = open_stream(tensor);
  Buffer buffer = step_buffer(tensor);
  while (const std::size_t n = stream->read(buffer)) {
    hash.update(std::span(buffer).first(n));
    advance(n);
  }
  return to_hex(hash.finish());
}

}  // namespace

std::string sha256(const Tensor& tensor, const Limits& limits) {
  return hash_of(tensor, limits, [](std::uint64_t) {});
}

std::vector<TensorHash> hash_tensors(const Manifest& manifest, const ScanOptions& options) {
  std::vector<TensorHash> hashes(manifest.tensors.size());
  Scan scan(options, bytes_to_read(manifest));
  scan.run(hashes.size(), [&](std::size_t i) {
    const Tensor& tensor = manifest.tensors[i];
    const bool strings = info(tensor.dtype).kind == DTypeKind::string;
    const auto turn = strings ? scan.strings_turn() : std::unique_lock<std::mutex>();
    try {
      hashes[i].sha256 = hash_of(tensor, options.limits, [&](std::uint64_t n) { scan.advance(n); });
    } catch (const Error& error) {
      if (error.id() == "input.cancelled") throw;
      hashes[i].problem = error.in_tensor(tensor.name);
    }
  });
  return hashes;
}

std::string set_digest(const Manifest& manifest, const std::vector<std::string>& hashes) {
  std::vector<std::size_t> order(manifest.tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return manifest.tensors[a].name < manifest.tensors[b].name;
  });
  Sha256 hash;
  const std::string_view nul("\0", 1);
  for (std::size_t i : order) {
    const Tensor& tensor = manifest.tensors[i];
    hash.update(tensor.name);
    hash.update(nul);
    hash.update(to_string(tensor.dtype));
    hash.update(nul);
    std::string dims;
    for (std::uint64_t extent : tensor.shape) {
      if (!dims.empty()) dims += ',';
      dims += std::to_string(extent);
    }
    hash.update(dims);
    hash.update(nul);
    hash.update(hashes[i]);
    hash.update("\n");
  }
  return to_hex(hash.finish());
}

}  // namespace tensorferry
