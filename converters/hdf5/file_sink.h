// The HDF5 file itself, written by the library; writer.cpp plans it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tensorferry/layout.h"

namespace tensorferry::hdf5 {

/// One dataset, checked by the writer: create() has nothing to refuse.
struct Dataset {
  std::string path;            ///< unique, without a leading slash
  DType dtype = DType::uint8;  ///< what the library is told
  Shape shape;
  Shape chunk;                          ///< empty = contiguous, the mover fills it
  Attributes attributes;                ///< under their stored names, our tags among them
  std::shared_ptr<const Tensor> texts;  ///< of a tensor of strings: where the elements come from
};

struct FilePlan {
  std::vector<Dataset> datasets;  ///< one a tensor of the manifest, in its order
  Attributes attributes;          ///< of the root group, under their stored names
  unsigned level = 4;             ///< of gzip, for the datasets that have chunks
  bool shuffle = true;
};

/// False when the HDF5 library was built without zlib.
bool has_gzip();

/// Slots name their dataset by Slot::tensor. Contiguous datasets get their place in the file and no
/// bytes: the mover writes them. write() expects the slot's bytes as they are to lie in the
/// dataset, and holds one chunk in memory.
std::unique_ptr<Sink> make_file_sink(FilePlan plan);

}  // namespace tensorferry::hdf5
