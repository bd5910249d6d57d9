// Sparse tensors, made dense while they are read.
//
//   values   [NNZ]          the elements that are not zero
//   indices  [NNZ]          int64: where in the row-major dense tensor, ascending
//         or [NNZ, rank]    int64: coordinates, in lexicographic order
//
// Facts: SparseTensorProto in onnx.proto.
#pragma once

#include <cstdint>
#include <memory>

#include "tensorferry/manifest.h"

namespace tensorferry::onnx {

/// The dense elements as a file: little-endian, row-major. Both arguments are read as they are
/// needed; order and range of all indices are checked at the first read.
/// `values` has dtype and one extent, `indices` is int64 of one or two extents; both have one
/// piece, a range of plain elements. Throws Error(corrupt.sparse) for extents that do not fit,
/// Error(unsupported.sparse) for elements that are not plain, Error(unsafe.limit) for a dense size
/// far above what `stored_bytes` can tell.
std::shared_ptr<const File> dense_file(const Tensor& values, const Tensor& indices,
                                       const Shape& shape, std::uint64_t stored_bytes);

}  // namespace tensorferry::onnx
