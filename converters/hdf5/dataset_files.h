// Datasets whose elements do not lie in one piece of the file, as files of their elements:
// row-major, in the bytes of the dataset's own type.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chunk_cache.h"
#include "file_driver.h"
#include "filters.h"
#include "tensorferry/dtype.h"

namespace tensorferry::hdf5 {

/// What all datasets of a file share.
struct SharedFile {
  std::shared_ptr<OpenFile> file;
  std::shared_ptr<ChunkCache> chunks;
  /// The file again, as elements are read from it: it may verify itself first.
  std::shared_ptr<const File> payload;

  /// Has it do so. Not to be called in a ReadScope.
  void verify() const { payload->read_at(0, {}); }
};

/// How the elements of a dataset lie.
struct Placement {
  haddr_t address = 0;     ///< of the dataset's object header
  std::uint64_t base = 0;  ///< where addresses count from
  Shape shape;
  std::uint64_t element_bytes = 1;
  Shape chunk;                  ///< of a chunked dataset; as many extents as the shape
  std::vector<Filter> filters;  ///< in the order in which they were applied
  bool plain_edges = false;     ///< chunks that stand out of the shape are not filtered
  std::vector<std::byte> fill;  ///< one element, for what was never written
};

/// The dataset that its object header holds.
std::shared_ptr<const File> compact_file(SharedFile shared, const Placement& placement);
/// A dataset of chunks. Throws Error(unsafe.limit) for chunks of more than 1 GiB.
std::shared_ptr<const File> chunked_file(SharedFile shared, Placement placement);
/// `size` bytes of a repeated element.
std::shared_ptr<const File> fill_file(SharedFile shared, std::vector<std::byte> element,
                                      std::uint64_t size);

}  // namespace tensorferry::hdf5
