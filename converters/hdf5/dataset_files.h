// Datasets whose elements do not lie in one piece of the file, as files of their elements:
// row-major, in the bytes of the dataset's own type.
#pragma once

#include <memory>

#include "chunk_cache.h"
#include "description.h"

namespace tensorferry::hdf5 {

/// What all datasets of a file share.
struct SharedFile {
  std::shared_ptr<ChunkCache> chunks;
  /// The file as elements are read from it: it may verify itself first.
  std::shared_ptr<const File> payload;
};

/// The bytes of the elements. Throws Error(unsafe.limit) for chunks of more than 1 GiB.
FileRange range_of(const SharedFile& shared, Elements elements);

}  // namespace tensorferry::hdf5
