// The bytes of a safetensors file. Facts: the README and the Rust code of the safetensors project,
// version 0.8.
//
//   | N: u64, little-endian | N bytes: a JSON object, padded with spaces | the elements |
//
//   {"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},...}
//
// Offsets count from the first byte behind the header. The tensors cover what is there without
// hole, overlap or rest. Elements are little-endian and row-major; F4 holds two elements a byte,
// the first in the low half. __metadata__ holds text only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensorferry/dtype.h"
#include "tensorferry/manifest.h"

namespace tensorferry::safetensors {

/// Bytes of N.
inline constexpr std::uint64_t kLengthBytes = 8;
/// A header that is longer is refused by the library.
inline constexpr std::uint64_t kMostHeaderBytes = 100'000'000;
/// The name that no tensor can have.
inline constexpr std::string_view kMetadataKey = "__metadata__";

using TextEntries = std::vector<std::pair<std::string, std::string>>;

/// One element type of the library.
struct ElementType {
  std::string_view name;  ///< "F32"
  DType dtype;            ///< DType::unknown: the packing of its elements is not documented
  int rank;               ///< its place in the library's order, by which files are sorted
};

/// Null for a name that the library does not have.
const ElementType* element_type(std::string_view name);
/// Null for a dtype that the library has no type for.
const ElementType* element_type(DType dtype);

/// One tensor of a header.
struct HeaderEntry {
  std::string name, dtype;
  Shape shape;
  std::uint64_t begin = 0, end = 0;  ///< of its bytes, begin <= end
};

/// Calls `on_tensor` for each tensor in the order of the text and returns __metadata__. Holds one
/// entry at a time. Throws Error(corrupt.json) and Error(corrupt.header) for what the library
/// refuses, except for unknown dtypes, sizes that do not suit a shape, and where the bytes lie.
TextEntries parse_header(std::string_view text, std::size_t depth,
                         const std::function<void(HeaderEntry&&)>& on_tensor);

/// An index file: tensor names to the files that hold them.
using WeightMap = std::map<std::string, std::string>;
/// Throws Error(corrupt.json) and Error(corrupt.index).
WeightMap parse_index(std::string_view text, std::size_t depth);

/// Where the elements of one tensor lie.
struct Extent {
  std::uint64_t begin = 0, end = 0;
};
/// Throws Error(corrupt.layout) naming the tensors unless the extents cover 0 up to their greatest
/// end exactly once. Returns that end. `name_of` is asked only for the message.
std::uint64_t check_tiling(const std::vector<Extent>& extents,
                           const std::function<std::string_view(std::size_t)>& name_of);

/// Whether a file of that name is an index: `model.safetensors.index.json`, or one of a variant,
/// `model.safetensors.index.fp16.json`.
bool is_index_name(std::string_view leaf);
/// The stem before `-00001-of-00002.safetensors`; empty for other names.
std::string_view shard_stem(std::string_view leaf);

/// N and the header as it is written, tensor by tensor.
class HeaderText {
 public:
  /// Room for `expected` bytes is made at once.
  HeaderText(const TextEntries& metadata, std::size_t expected);
  void add(std::string_view name, std::string_view dtype, const Shape& shape, Extent bytes);
  /// The whole, padded so that what follows begins at a multiple of `alignment`.
  std::string finish(std::uint64_t alignment) &&;

 private:
  std::string text_;
};
/// The index of `weights`, whose tensors take `total_size` bytes.
std::string format_index(const WeightMap& weights, std::uint64_t total_size);

}  // namespace tensorferry::safetensors
