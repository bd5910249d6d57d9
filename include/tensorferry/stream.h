// The one way to a tensor's values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "tensorferry/export.h"
#include "tensorferry/manifest.h"

namespace TENSORFERRY_API tensorferry {

/// Bytes in order, once. Not thread-safe.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Fills `bytes` from the front and returns how many; 0 at the end. Throws Error.
  virtual std::size_t read(std::span<std::byte> bytes) = 0;
};

/// A fixed-size tensor's elements: little-endian, row-major, in the tensor's dtype, one element
/// each info(dtype).bytes, from element `first` on, `count` of them (clipped). Memory stays bounded
/// by about 1 MiB. Checksums are verified when the whole tensor is asked for; a mismatch throws at
/// the end of the piece. The stream holds its own copy of the description.
std::unique_ptr<ByteStream> open_stream(const Tensor& tensor, std::uint64_t first = 0,
                                        std::uint64_t count = ~std::uint64_t{0});

/// The elements of a tensor of strings, row-major; their number is checked against the shape.
std::vector<std::string> load_strings(const Tensor& tensor, const Limits& limits = {});

/// The whole tensor as open_stream gives it. Throws Error(usage) for strings.
std::vector<std::byte> load_bytes(const Tensor& tensor);

/// The dtype of a C++ type, for load<T>().
template <typename T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::float32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::float64;
}
template <>
constexpr DType dtype_of<std::int8_t>() {
  return DType::int8;
}
template <>
constexpr DType dtype_of<std::int16_t>() {
  return DType::int16;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::int32;
}
template <>
constexpr DType dtype_of<std::int64_t>() {
  return DType::int64;
}
template <>
constexpr DType dtype_of<std::uint8_t>() {
  return DType::uint8;
}
template <>
constexpr DType dtype_of<std::uint16_t>() {
  return DType::uint16;
}
template <>
constexpr DType dtype_of<std::uint32_t>() {
  return DType::uint32;
}
template <>
constexpr DType dtype_of<std::uint64_t>() {
  return DType::uint64;
}
template <>
constexpr DType dtype_of<bool>() {
  return DType::boolean;
}

namespace detail {
void load_into(const Tensor& tensor, DType expected, std::span<std::byte> bytes);
}

/// The whole tensor as values. Throws Error(usage.dtype) unless T is the tensor's dtype: nothing is
/// converted. For bool the result is std::vector<std::uint8_t> of 0 and 1.
template <typename T>
auto load(const Tensor& tensor) {
  using Element = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;
  std::vector<Element> values(tensor.elements());
  detail::load_into(tensor, dtype_of<T>(), std::as_writable_bytes(std::span(values)));
  return values;
}

}  // namespace tensorferry
