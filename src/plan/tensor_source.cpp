#include "plan/tensor_source.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "plan/boxes.h"
#include "plan/copy_place.h"
#include "plan/kernels.h"
#include "plan/strided_read.h"
#include "plan/tiles.h"
#include "plan/work.h"

namespace tensorferry {
namespace {

// What is read at once to be cast: the whole passes through the second-level cache. Ranges of a
// source that is not row-major are larger, as they touch all of it.
constexpr std::uint64_t kCastBytes = 256u << 10;
constexpr std::uint64_t kStridedCastBytes = 4u << 20;

std::uint64_t count_of(const Shape& extent) {
  return std::accumulate(extent.begin(), extent.end(), std::uint64_t{1}, std::multiplies<>());
}

}  // namespace

struct TensorSource::Box {
  Shape start, extent;
  bool verified = false;  // what is read of strided pieces takes part in their checksums
};

TensorSource::TensorSource(const Tensor& tensor, std::uint64_t key)
    : tensor_(tensor), key_(key), stored_(stored_dtype(tensor)) {
  if (tensor.problem) throw tensor.problem->in_tensor(tensor.name);
  const DTypeInfo& row = info(stored_);
  if (row.kind == DTypeKind::string) {
    throw Error(ErrorCode::usage, "strings", "strings are read by load_strings")
        .in_tensor(tensor.name);
  }
  // Opaque types are bytes that nothing is known of.
  element_bytes_ = std::max(row.bytes, 1u);
  component_bytes_ = row.component_bytes;
  const auto& pieces = tensor.stored.pieces;
  whole_ = pieces.size() == 1 && pieces[0].start.empty() && pieces[0].byte_strides.empty();
  strided_ = is_strided(tensor);
}

void TensorSource::verify_ahead() const {
  for (const Piece& piece : tensor_.stored.pieces) {
    if (!verified_while_moving(tensor_.stored, piece)) verify_piece(tensor_, piece);
  }
}

void TensorSource::read(std::uint64_t first, std::span<std::byte> out, ReadContext& context) const {
  if (out.empty()) return;
  if (stored_ == tensor_.dtype) return read_stored(first, out, context);
  read_cast(first, out, context);
}

void TensorSource::read_cast(std::uint64_t first, std::span<std::byte> out,
                             ReadContext& context) const {
  const std::uint64_t bytes = info(tensor_.dtype).bytes;
  const std::uint64_t most = (strided_ ? kStridedCastBytes : kCastBytes) / element_bytes_ / 8 * 8;
  while (!out.empty()) {
    const std::uint64_t count = std::min(most, out.size() / bytes);
    make_room(context.uncast, count * element_bytes_ + kCopyPlaces);
    const auto in = std::span(context.uncast)
                        .subspan(shift_of(first, context.uncast.data()), count * element_bytes_);
    read_stored(first, in, context);
    cast(in, out.first(count * bytes), first, context);
    out = out.subspan(count * bytes);
    first += count;
  }
}

/// Where in a buffer to put elements from `first` on so that the kernel copies them fast.
std::size_t TensorSource::shift_of(std::uint64_t first, const std::byte* buffer) const {
  if (!whole_) return 0;
  const auto& range = std::get<FileRange>(tensor_.stored.pieces[0].origin);
  return read_shift(buffer, range.offset + first * element_bytes_);
}

void TensorSource::read_tile(const Shape& start, const Shape& extent, std::span<std::byte> out,
                             ReadContext& context, bool verified) const {
  const Box box{start, extent, verified};
  if (stored_ == tensor_.dtype) return read_stored_tile(box, out, context);
  const std::uint64_t bytes = info(tensor_.dtype).bytes;
  make_room(context.uncast, count_of(extent) * element_bytes_);
  auto in = std::span(context.uncast).first(count_of(extent) * element_bytes_);
  read_stored_tile(box, in, context);
  for_each_run(tensor_.shape, start, extent, [&](std::uint64_t first, std::uint64_t count) {
    cast(in.first(count * element_bytes_), out.first(count * bytes), first, context);
    in = in.subspan(count * element_bytes_);
    out = out.subspan(count * bytes);
  });
}

void TensorSource::read_stored_tile(const Box& box, std::span<std::byte> out,
                                    ReadContext& context) const {
  try {
    read_box(box, out, context);
  } catch (const Error& error) {
    throw error.in_tensor(tensor_.name);
  }
  bring_to_form(out, context);
}

void TensorSource::cast(std::span<const std::byte> in, std::span<std::byte> out,
                        std::uint64_t first, ReadContext& context) const {
  const double relative = context.casts ? context.casts->relative(key_) : 0;
  const CastTally tally =
      cast_elements(stored_, tensor_.dtype, tensor_.stored.overflow, in, out, first, relative);
  if (context.casts) context.casts->add(key_, tally);
}

void TensorSource::bring_to_form(std::span<std::byte> out, ReadContext& context) const {
  if (tensor_.stored.order == std::endian::big) swap_bytes(out, component_bytes_);
  const std::uint64_t changed = normalise(stored_, out);
  if (changed > 0 && context.bools) *context.bools += changed;
}

void TensorSource::read_stored(std::uint64_t first, std::span<std::byte> out,
                               ReadContext& context) const {
  try {
    if (tensor_.stored.codec == Codec::packed) return read_packed(first, out, context);
    if (whole_) {
      read_range(0, first * element_bytes_, out, context, true);
    } else {
      read_boxes(first, out, context);
    }
  } catch (const Error& error) {
    throw error.in_tensor(tensor_.name);
  }
  bring_to_form(out, context);
}

void TensorSource::read_range(std::size_t piece, std::uint64_t offset, std::span<std::byte> bytes,
                              ReadContext& context, bool verified) const {
  const Piece& from = tensor_.stored.pieces[piece];
  const auto& range = std::get<FileRange>(from.origin);
  if (!context.ahead.copy(*range.file, range.offset + offset, bytes))
    range.file->read_at(range.offset + offset, bytes);
  if (!verified || !context.checksums || !has_crc(tensor_.stored, from)) return;
  auto whole =
      context.checksums->add(from.checksum->kind, key_ << 32 | piece, range.length, offset, bytes);
  if (whole) compare_crc(tensor_, from, *whole);
}

void TensorSource::read_packed(std::uint64_t first, std::span<std::byte> out,
                               ReadContext& context) const {
  const std::uint64_t bits = info(stored_).bits;
  const std::uint64_t begin = first * bits / 8;
  const std::uint64_t end = ((first + out.size()) * bits + 7) / 8;
  make_room(context.scratch, end - begin);
  auto packed = std::span(context.scratch).first(end - begin);
  read_range(0, begin, packed, context, false);
  unpack_bits(stored_, packed, static_cast<std::uint32_t>(first * bits % 8), out);
}

void TensorSource::read_boxes(std::uint64_t first, std::span<std::byte> out,
                              ReadContext& context) const {
  Box box;
  for (std::uint64_t left = out.size() / element_bytes_; left > 0;) {
    const std::uint64_t boxed = leading_box(tensor_.shape, first, left, box.start, box.extent);
    read_box(box, out.first(boxed * element_bytes_), context);
    out = out.subspan(boxed * element_bytes_);
    first += boxed;
    left -= boxed;
  }
}

void TensorSource::read_box(const Box& box, std::span<std::byte> out, ReadContext& context) const {
  const std::size_t rank = tensor_.shape.size();
  const Shape to_strides = dense_strides(box.extent, element_bytes_);
  for (std::size_t p = 0; p < tensor_.stored.pieces.size(); ++p) {
    const Piece& piece = tensor_.stored.pieces[p];
    const Shape& extent = piece.extent.empty() ? tensor_.shape : piece.extent;
    const Shape from_strides =
        piece.byte_strides.empty() ? dense_strides(extent, element_bytes_) : piece.byte_strides;
    Shape common(rank);
    std::uint64_t from = 0, to = 0;  // bytes
    bool apart = false;
    for (std::size_t d = 0; d < rank && !apart; ++d) {
      const std::uint64_t start = piece.start.empty() ? 0 : piece.start[d];
      const std::uint64_t low = std::max(box.start[d], start);
      const std::uint64_t high = std::min(box.start[d] + box.extent[d], start + extent[d]);
      apart = low >= high;
      common[d] = apart ? 0 : high - low;
      from += (low - start) * from_strides[d];
      to += (low - box.start[d]) * to_strides[d];
    }
    if (apart) continue;
    if (!piece.byte_strides.empty()) {
      const auto source = [&](std::uint64_t offset, std::span<std::byte> bytes) {
        read_range(p, offset, bytes, context, box.verified);
      };
      StridedRead(source, piece.byte_strides, element_bytes_, context.scratch)
          .read(from, common, out.data() + to, to_strides);
      continue;
    }
    // The box is contiguous in the tensor, so what it shares with a row-major piece is contiguous
    // there.
    const std::uint64_t bytes = count_of(common) * element_bytes_;
    if (bytes == out.size()) {
      read_range(p, from, out, context, true);
      continue;
    }
    make_room(context.scratch, bytes);
    auto part = std::span(context.scratch).first(bytes);
    read_range(p, from, part, context, true);
    copy_box(out.data() + to, to_strides, part.data(), dense_strides(common, element_bytes_),
             common, element_bytes_);
  }
}

}  // namespace tensorferry
