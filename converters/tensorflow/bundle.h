// The values in the index of a V2 checkpoint, as plain structures
// (schemas/tensorflow/tensor_bundle.proto).
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ordered_code.h"
#include "tensorferry/dtype.h"
#include "tensorferry/error.h"

namespace tensorferry::tensorflow {

/// The value of the empty key.
struct BundleHeader {
  std::int32_t num_shards = 0;
  std::endian order = std::endian::little;
  std::int32_t producer = 0;  ///< 0 in files from before versions were written
};

/// Throws Error(corrupt.header), Error(corrupt.v1_checkpoint) for the header of a V1 checkpoint,
/// Error(unsupported.version), Error(unsupported.endianness).
BundleHeader parse_header(std::string_view value);

/// The producer of a VersionDef, which V1 headers have, too. Throws Error(corrupt.header),
/// Error(unsupported.version).
std::int32_t parse_version(std::string_view message);

/// The value of another key, parsed but not judged.
struct BundleEntry {
  std::int32_t dtype_code = 0;
  bool unknown_rank = false;
  std::vector<std::int64_t> dims;
  std::int32_t shard = 0;
  std::int64_t offset = 0, size = 0;  ///< in the shard, in bytes
  std::uint32_t masked_crc = 0;
  std::vector<Slice> slices;  ///< extents as listed: that is how their keys are encoded

  /// One slice that is whole in every dimension: the values are in this entry after all.
  bool is_plain() const;
};

/// Parses such a value into `entry`, whose memory is used again. Values above `most_bytes` are
/// refused: a parsed one takes many times its size. Throws Error(corrupt.entry),
/// Error(unsafe.limit).
void parse_entry(std::string_view value, std::uint64_t most_bytes, BundleEntry& entry);

/// What the header of a V1 checkpoint says of one tensor; its values lie elsewhere.
struct SavedSliceMeta {
  std::string name;
  BundleEntry entry;  ///< dtype, shape and slices only
};
/// Throws Error(corrupt.header).
SavedSliceMeta parse_slice_meta(std::string_view message);

/// Dtype number and dimensions of a TensorShape message. Throws Error(corrupt.shape).
BundleEntry parse_shape(std::int32_t dtype_code, std::string_view message);

/// The shape. Throws Error(corrupt.shape) for an unknown rank, a negative dimension and a product
/// above 2^63 - 1, Error(unsupported.rank) above `most_rank`.
Shape shape_of(const BundleEntry& entry, std::uint64_t most_rank);

/// Throws Error(corrupt.dtype) for 0, Error(unsupported.dtype) for a number that is not known and
/// for resources.
void check_dtype(std::int32_t code);

}  // namespace tensorferry::tensorflow
