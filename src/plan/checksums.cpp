#include "plan/checksums.h"

#include <algorithm>

#include "util/crc32c.h"
#include "util/sha256.h"

namespace tensorferry {
namespace {

constexpr std::size_t kStep = 1u << 20;

std::string crc_bytes(std::uint32_t crc) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(crc >> shift);
  return bytes;
}

[[noreturn]] void mismatch(const Tensor& tensor, const Piece& piece, const std::string& computed) {
  const auto& range = std::get<FileRange>(piece.origin);
  const bool crc = piece.checksum->kind == Checksum::Kind::crc32c;
  throw Error(ErrorCode::corrupt, "checksum",
              std::string(crc ? "crc32c" : "sha256") + " of bytes " + std::to_string(range.offset) +
                  ".." + std::to_string(range.offset + range.length) + " is " + to_hex(computed) +
                  ", expected " + to_hex(piece.checksum->value) +
                  " (--salvage leaves damaged tensors out)")
      .in_file(range.file->name())
      .in_tensor(tensor.name);
}

}  // namespace

std::optional<std::uint32_t> CrcParts::add(std::uint64_t key, std::uint64_t total,
                                           std::uint64_t offset, std::uint64_t length,
                                           std::uint32_t crc) {
  if (length == total) return crc;
  std::vector<Part> parts;
  {
    std::lock_guard lock(mutex_);
    Range& range = ranges_[key];
    range.parts.push_back({offset, length, crc});
    range.seen += length;
    if (range.seen < total) return std::nullopt;
    parts = std::move(range.parts);
    ranges_.erase(key);
  }
  std::sort(parts.begin(), parts.end(),
            [](const Part& a, const Part& b) { return a.offset < b.offset; });
  std::uint32_t whole = 0;
  for (const Part& part : parts) whole = crc32c_combine(whole, part.crc, part.length);
  return whole;
}

bool verified_while_moving(const Stored& stored, const Piece& piece) {
  return piece.checksum && piece.checksum->kind == Checksum::Kind::crc32c &&
         piece.byte_strides.empty() && stored.codec != Codec::packed &&
         std::holds_alternative<FileRange>(piece.origin) &&
         std::get<FileRange>(piece.origin).length > 0;
}

void verify_piece(const Tensor& tensor, const Piece& piece) {
  const auto* range = std::get_if<FileRange>(&piece.origin);
  if (!piece.checksum || !range) return;
  const bool crc = piece.checksum->kind == Checksum::Kind::crc32c;
  std::uint32_t running = 0;
  std::optional<Sha256> sha;  // made when it is needed: a CRC should not start libcrypto
  if (!crc) sha.emplace();
  std::vector<std::byte> buffer(std::min<std::uint64_t>(kStep, range->length));
  for (std::uint64_t done = 0; done < range->length;) {
    auto part = std::span(buffer).first(std::min<std::uint64_t>(kStep, range->length - done));
    range->file->read_at(range->offset + done, part);
    if (crc) {
      running = crc32c(running, part);
    } else {
      sha->update(part);
    }
    done += part.size();
  }
  std::string computed = crc ? crc_bytes(running) : sha->finish();
  if (computed != piece.checksum->value) mismatch(tensor, piece, computed);
}

void compare_crc(const Tensor& tensor, const Piece& piece, std::uint32_t computed) {
  std::string bytes = crc_bytes(computed);
  if (bytes != piece.checksum->value) mismatch(tensor, piece, bytes);
}

}  // namespace tensorferry
