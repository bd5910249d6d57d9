#include "plan/checksums.h"

#include <algorithm>
#include <iterator>

#include "util/crc32.h"
#include "util/crc32c.h"
#include "util/sha256.h"

namespace tensorferry {
namespace {

constexpr std::size_t kStep = 1u << 20;

[[noreturn]] void mismatch(const Tensor& tensor, const Piece& piece, const std::string& computed) {
  const auto& range = std::get<FileRange>(piece.origin);
  throw Error(
      ErrorCode::corrupt, "checksum",
      std::string(to_string(piece.checksum->kind)) + " of bytes " + std::to_string(range.offset) +
          ".." + std::to_string(range.offset + range.length) + " is " + to_hex(computed) +
          ", expected " + to_hex(piece.checksum->value) + " (--salvage leaves damaged tensors out)")
      .in_file(range.file->name())
      .in_tensor(tensor.name);
}

}  // namespace

std::string_view to_string(Checksum::Kind kind) {
  switch (kind) {
    case Checksum::Kind::crc32c:
      return "crc32c";
    case Checksum::Kind::crc32:
      return "crc32";
    case Checksum::Kind::sha256:
      break;
  }
  return "sha256";
}

std::uint32_t crc_of(Checksum::Kind kind, std::uint32_t crc, std::span<const std::byte> bytes) {
  return kind == Checksum::Kind::crc32 ? crc32(crc, bytes) : crc32c(crc, bytes);
}

std::uint32_t combined_crc(Checksum::Kind kind, std::uint32_t first, std::uint32_t second,
                           std::uint64_t second_length) {
  return kind == Checksum::Kind::crc32 ? crc32_combine(first, second, second_length)
                                       : crc32c_combine(first, second, second_length);
}

std::optional<std::uint32_t> CrcParts::add(Checksum::Kind kind, std::uint64_t key,
                                           std::uint64_t total, std::uint64_t offset,
                                           std::span<const std::byte> bytes) {
  const std::uint64_t length = bytes.size();
  const std::uint32_t crc = crc_of(kind, 0, bytes);
  if (length == total) return crc;
  std::lock_guard lock(mutex_);
  Parts& parts = ranges_[key];
  const auto join = [&](Parts::iterator first, Parts::iterator second) {
    if (first->first + first->second.length != second->first) return second;
    first->second.crc =
        combined_crc(kind, first->second.crc, second->second.crc, second->second.length);
    first->second.length += second->second.length;
    parts.erase(second);
    return first;
  };
  auto part = parts.emplace(offset, Part{length, crc}).first;
  if (part != parts.begin()) part = join(std::prev(part), part);
  if (const auto next = std::next(part); next != parts.end()) join(part, next);
  if (parts.begin()->second.length < total) return std::nullopt;
  const std::uint32_t whole = parts.begin()->second.crc;
  ranges_.erase(key);
  return whole;
}

bool has_crc(const Stored& stored, const Piece& piece) {
  return piece.checksum && piece.checksum->kind != Checksum::Kind::sha256 &&
         stored.codec != Codec::packed && std::holds_alternative<FileRange>(piece.origin) &&
         std::get<FileRange>(piece.origin).length > 0;
}

bool verified_while_moving(const Stored& stored, const Piece& piece) {
  return piece.byte_strides.empty() && has_crc(stored, piece);
}

void verify_piece(const Tensor& tensor, const Piece& piece) {
  const auto* range = std::get_if<FileRange>(&piece.origin);
  if (!piece.checksum || !range) return;
  const Checksum::Kind kind = piece.checksum->kind;
  const bool crc = kind != Checksum::Kind::sha256;
  std::uint32_t running = 0;
  std::optional<Sha256> sha;  // made when it is needed: a CRC should not start libcrypto
  if (!crc) sha.emplace();
  std::vector<std::byte> buffer(std::min<std::uint64_t>(kStep, range->length));
  for (std::uint64_t done = 0; done < range->length;) {
    auto part = std::span(buffer).first(std::min<std::uint64_t>(kStep, range->length - done));
    range->file->read_at(range->offset + done, part);
    if (crc) {
      running = crc_of(kind, running, part);
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
