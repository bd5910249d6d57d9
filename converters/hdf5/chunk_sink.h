// Compressed datasets: the chunks, and then the trees that find them.
#pragma once

#include <memory>
#include <vector>

#include "chunk_tree.h"
#include "superblock.h"
#include "tensorferry/layout.h"
#include "write_options.h"

namespace tensorferry::hdf5 {

/// What is known of a file before its chunks are made. The image is the first segment.
struct ChunkedFile {
  Superblock superblock;
  std::vector<ChunkTree> trees;  ///< of all Fill::sink slots, in their order
};

/// Compresses chunk by chunk, in several threads, and fills trees and superblock in.
std::unique_ptr<Sink> make_chunk_sink(ChunkedFile file, const Compression& compression);

}  // namespace tensorferry::hdf5
