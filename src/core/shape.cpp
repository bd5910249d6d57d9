#include <limits>

#include "tensorferry/dtype.h"
#include "tensorferry/error.h"

namespace tensorferry {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

}  // namespace

std::uint64_t checked_multiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product) || product > kMost) {
    throw Error(ErrorCode::corrupt, "overflow",
                std::to_string(a) + " x " + std::to_string(b) + " exceeds 2^63 - 1");
  }
  return product;
}

std::uint64_t checked_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum) || sum > kMost) {
    throw Error(ErrorCode::corrupt, "overflow",
                std::to_string(a) + " + " + std::to_string(b) + " exceeds 2^63 - 1");
  }
  return sum;
}

std::uint64_t element_count(const Shape& shape) {
  std::uint64_t product = 1;
  bool empty = false;
  for (std::uint64_t extent : shape) {
    if (extent == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(product, extent, &product) || product > kMost) {
      throw Error(ErrorCode::corrupt, "shape",
                  "the extents of " + to_string(shape) + " exceed 2^63 - 1 elements");
    }
  }
  return empty ? 0 : product;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i != 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

std::uint64_t encoded_bytes(DType dtype, Codec codec, std::uint64_t elements) {
  const DTypeInfo& row = info(dtype);
  if (row.bytes == 0) {
    throw Error(ErrorCode::internal, "dtype",
                "elements of " + std::string(row.name) + " have no fixed size");
  }
  if (codec != Codec::packed || row.bits >= 8) return checked_multiply(elements, row.bytes);
  // Eight elements are `bits` bytes exactly, so only the tail has to be rounded.
  return checked_add(checked_multiply(elements / 8, row.bits), (elements % 8 * row.bits + 7) / 8);
}

}  // namespace tensorferry
