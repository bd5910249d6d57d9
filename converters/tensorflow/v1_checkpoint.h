// V1 checkpoints (before TensorFlow 0.12, or Saver(write_version=V1)): one table, or several named
// P-SSSSS-of-NNNNN, each with a header of its own. table.h has the table.
//
//   ""                             SavedTensorSlices { 1: meta }
//   00 NAME 00 01 RANK EXTENTS     SavedTensorSlices { 2: SavedSlice { 3: TensorProto } }
//   meta                           { 1: SavedSliceMeta, for each tensor   2: version }
//   SavedSliceMeta                 { 1: name  2: shape  3: dtype  4: slices that are in this file }
//
// Every tensor is in slices, a whole one in one (ordered_code.h). The header says nothing of the
// values but that: where a record lies is found when it is read. Messages: saved_tensor_slice.proto
// and tensor_slice_reader.cc of TensorFlow's core/util.
#pragma once

#include "resolve.h"
#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

/// The tensors of all files, those that several have joined, sorted by name. A file that is missing
/// stands as a tensor without type that has the problem. Throws Error for damage of a header.
Manifest read_v1(const Resolved& resolved, const Limits& limits);

}  // namespace tensorferry::tensorflow
