// One TensorProto: what it says of itself, and where its elements lie.
//
//    1: dims   2: data_type   3: segment   8: name   13: external_data { 1: key  2: value }
//   14: data_location, 1 = external
//    4: float_data    of float32; complex64 as pairs        5: int32_data   of all other types
//   10: double_data   of float64; complex128 as pairs       6: string_data  one field an element
//    7: int64_data                                         11: uint64_data  of uint32, too
//    9: raw_data      little-endian, sub-byte elements packed
//
// In int32_data 16-bit and 8-bit floats are their bits, an entry of 4-bit or 2-bit types is one
// byte of packed elements, a 6-bit float has an entry of its own. Facts: onnx.proto of ONNX 1.23,
// and what onnx.numpy_helper does.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "message.h"
#include "tensorferry/input.h"
#include "tensorferry/manifest.h"

namespace tensorferry::onnx {

/// How often a field of values stands in the message.
struct ValueRuns {
  std::uint64_t runs = 0;      ///< fields of type bytes
  std::uint64_t bytes = 0;     ///< contents of all fields
  std::uint64_t singles = 0;   ///< fields that are one number
  std::uint64_t position = 0;  ///< of the contents of the last run
};

/// What a TensorProto says, as it stands there.
struct StoredTensor {
  FileRange message;
  std::string name;
  std::int32_t code = 0;
  Shape dims;
  bool negative_dim = false, too_many_dims = false, segment = false, external = false;
  std::int64_t location = 0;
  bool has_raw = false;
  FileRange raw;
  std::array<ValueRuns, 12> values;          ///< by field number
  std::map<std::string, std::string> where;  ///< external_data
  std::string repeated_key;                  ///< of external_data
};

/// Reads the message whose contents begin at the cursor and end at `end`. Throws
/// Error(corrupt.message), Error(unsafe.limit).
StoredTensor read_tensor(const std::shared_ptr<const File>& file, FileCursor& cursor,
                         std::uint64_t end, const Limits& limits);
StoredTensor read_tensor(const FileRange& message, const Limits& limits);

/// The extents of a SparseTensorProto. Throws Error(corrupt.shape), Error(unsafe.limit).
Shape sparse_shape(const FileRange& message, const Limits& limits);

/// Files of external data of one model.
class ExternalFiles {
 public:
  explicit ExternalFiles(const Input& input) : input_(input) {}
  /// Throws what Input::sibling throws; a file that fails is not tried twice.
  std::shared_ptr<const File> open(const std::string& location);

 private:
  struct Outcome {
    std::shared_ptr<const File> file;
    Problem problem;
  };
  const Input& input_;
  std::map<std::string, Outcome> opened_;
};

/// Gives `tensor` its dtype, shape and piece, in this order, as far as they are known. Throws
/// Error.
void describe(const StoredTensor& stored, ExternalFiles& files, Tensor& tensor);

}  // namespace tensorferry::onnx
