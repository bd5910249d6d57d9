#include "tensorferry/stream.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "plan/boxes.h"
#include "plan/tensor_source.h"
#include "plan/tensor_stream.h"

namespace tensorferry {
namespace {

constexpr std::uint64_t kTile = 1u << 20;
constexpr std::uint64_t kDirect = 64u << 10;  // room that is worth filling without a tile
// Each tile of a source that is not row-major touches all of it: fewer, larger ones.
constexpr std::uint64_t kStridedTile = 16u << 20;

class TensorStream final : public ByteStream {
 public:
  TensorStream(const Tensor& tensor, std::uint64_t first, std::uint64_t count,
               std::uint64_t key = 0)
      : tensor_(tensor), source_(tensor_, key), element_(std::max(info(tensor.dtype).bytes, 1u)) {
    const std::uint64_t elements = tensor_.bytes() / element_;
    next_ = std::min(first, elements);
    end_ = next_ + std::min(count, elements - next_);
    verify_ = next_ == 0 && end_ == elements;
    if (verify_) context_.checksums = &checksums_;
  }

  void count_in(CastTallies& casts, std::atomic<std::uint64_t>& bools) {
    context_.casts = &casts;
    context_.bools = &bools;
  }

  void set_strided_tile(std::uint64_t bytes) { strided_tile_ = bytes; }

  std::size_t read(std::span<std::byte> bytes) override {
    if (verify_) {
      verify_ = false;
      source_.verify_ahead();
    }
    std::size_t done = 0;
    while (done < bytes.size()) {
      const std::span<std::byte> room = bytes.subspan(done);
      std::size_t n = std::min(room.size(), tile_.size() - taken_);
      if (n > 0) {
        std::memcpy(room.data(), tile_.data() + taken_, n);
        taken_ += n;
      } else if (next_ == end_) {
        break;
      } else if (const std::uint64_t count = directly(room.size()); count > 0) {
        n = count * element_;
        fill(room.first(n));
      } else {
        const std::uint64_t most = (source_.strided() ? strided_tile_ : kTile) / element_ / 8 * 8;
        tile_.resize(std::min(most, end_ - next_) * element_);
        taken_ = 0;
        fill(tile_);
      }
      done += n;
    }
    return done;
  }

 private:
  /// How many of the next elements to read right into so much room; 0 = by way of a tile.
  std::uint64_t directly(std::size_t room) const {
    if (source_.strided()) return 0;
    const std::uint64_t count = std::min<std::uint64_t>(room, kTile) / element_;
    if (count >= end_ - next_) return end_ - next_;
    return room >= kDirect ? count / 8 * 8 : 0;
  }

  void fill(std::span<std::byte> bytes) {
    source_.read(next_, bytes, context_);
    next_ += bytes.size() / element_;
  }

  Tensor tensor_;
  TensorSource source_;
  CrcParts checksums_;
  ReadContext context_;
  std::uint64_t element_, next_ = 0, end_ = 0, strided_tile_ = kStridedTile;
  bool verify_ = false;
  Buffer tile_;
  std::size_t taken_ = 0;
};

void expect(const Tensor& tensor, std::uint64_t count, std::uint64_t expected) {
  if (count == expected) return;
  throw Error(ErrorCode::corrupt, "string_count",
              "has " + std::to_string(count) + " strings, its shape " + to_string(tensor.shape) +
                  " needs " + std::to_string(expected))
      .in_tensor(tensor.name);
}

void place(std::vector<std::string>&& part, const Piece& piece, const Shape& shape,
           std::vector<std::string>& whole) {
  const Shape strides = dense_strides(shape, 1);
  Shape index(piece.extent.size(), 0);
  for (std::string& text : part) {
    std::uint64_t at = 0;
    for (std::size_t d = 0; d < index.size(); ++d) at += (piece.start[d] + index[d]) * strides[d];
    whole[at] = std::move(text);
    for (std::size_t d = index.size(); d-- > 0;) {
      if (++index[d] < piece.extent[d]) break;
      index[d] = 0;
    }
  }
}

}  // namespace

std::unique_ptr<ByteStream> open_stream(const Tensor& tensor, std::uint64_t first,
                                        std::uint64_t count) {
  return std::make_unique<TensorStream>(tensor, first, count);
}

std::unique_ptr<ByteStream> open_counting_stream(const Tensor& tensor, std::uint64_t key,
                                                 std::uint64_t tile_bytes, CastTallies& casts,
                                                 std::atomic<std::uint64_t>& bools) {
  auto stream = std::make_unique<TensorStream>(tensor, 0, ~std::uint64_t{0}, key);
  stream->count_in(casts, bools);
  stream->set_strided_tile(tile_bytes);
  return stream;
}

std::vector<std::string> load_strings(const Tensor& tensor, const Limits& limits) {
  if (tensor.problem) throw tensor.problem->in_tensor(tensor.name);
  if (info(tensor.dtype).kind != DTypeKind::string) {
    throw Error(ErrorCode::usage, "dtype",
                "is " + std::string(to_string(tensor.dtype)) + ", not string")
        .in_tensor(tensor.name);
  }
  std::uint64_t bytes = 0;
  for (const Piece& piece : tensor.stored.pieces) {
    bytes = checked_add(bytes, std::get<Strings>(piece.origin)->bytes);
  }
  if (bytes > limits.string_bytes) {
    throw Error(ErrorCode::resources, "strings",
                "needs up to " + std::to_string(bytes) + " bytes of memory, the limit is " +
                    std::to_string(limits.string_bytes) + " (--limit strings=BYTES raises it)")
        .in_tensor(tensor.name);
  }
  const std::uint64_t elements = tensor.elements();
  std::vector<std::string> whole;
  try {
    for (const Piece& piece : tensor.stored.pieces) {
      std::vector<std::string> part = std::get<Strings>(piece.origin)->load();
      expect(tensor, part.size(), piece.start.empty() ? elements : element_count(piece.extent));
      if (piece.start.empty()) return part;
      whole.resize(elements);
      place(std::move(part), piece, tensor.shape, whole);
    }
  } catch (const Error& error) {
    throw error.in_tensor(tensor.name);
  }
  expect(tensor, whole.size(), elements);
  return whole;
}

std::vector<std::byte> load_bytes(const Tensor& tensor) {
  std::vector<std::byte> bytes(tensor.bytes());
  auto stream = open_stream(tensor);
  stream->read(bytes);
  return bytes;
}

void detail::load_into(const Tensor& tensor, DType expected, std::span<std::byte> bytes) {
  if (tensor.dtype != expected) {
    throw Error(ErrorCode::usage, "dtype",
                "is " + std::string(to_string(tensor.dtype)) + ", not " +
                    std::string(to_string(expected)) + "; values are never converted")
        .in_tensor(tensor.name);
  }
  open_stream(tensor)->read(bytes);
}

}  // namespace tensorferry
