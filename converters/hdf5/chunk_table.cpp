#include "chunk_table.h"

#include "chunks.h"
#include "tensorferry/error.h"

namespace tensorferry::hdf5 {
namespace {

class ChunkFinder {
 public:
  ChunkFinder(hid_t dataset, const Shape& shape, const Shape& chunk)
      : dataset_(dataset), shape_(shape), chunk_(chunk) {}

  std::vector<ChunkPlace> find() {
    std::uint64_t index = 0;
    std::vector<hsize_t> start;
    for (ChunkWalk walk(shape_, chunk_); !walk.done(); walk.next()) {
      start.assign(walk.start().begin(), walk.start().end());
      look(index++, start);
    }
    return std::move(found_);
  }

 private:
  void look(std::uint64_t index, const std::vector<hsize_t>& start) {
    hsize_t bytes = 0;
    if (H5Dget_chunk_storage_size(dataset_, start.data(), &bytes) < 0) {
      // Of a chunk that was never written, 1.10 says it by an error.
      if (library_reason() == "chunk storage is not allocated") return;
      throw_read_error("find a chunk");
    }
    if (bytes == 0) return;
    std::uint32_t skipped = 0;
    char nothing = 0;
    RawReadCatcher catcher(dataset_);
    if (H5Dread_chunk(dataset_, H5P_DEFAULT, start.data(), &skipped, &nothing) < 0) {
      if (!library_reason().starts_with("addr overflow")) throw_read_error("find a chunk");
      throw Error(ErrorCode::corrupt, "truncated",
                  "the chunk at " + to_string(Shape(start.begin(), start.end())) +
                      " reaches past the end, file has " +
                      std::to_string(source_of(dataset_).file->size()));
    }
    const auto place = catcher.caught();
    if (!place || place->bytes > UINT32_MAX)
      throw Error(ErrorCode::corrupt, "hdf5", "a chunk of it has no address");
    found_.push_back({index, place->offset, static_cast<std::uint32_t>(place->bytes), skipped});
  }

  hid_t dataset_;
  const Shape& shape_;
  const Shape& chunk_;
  std::vector<ChunkPlace> found_;
};

}  // namespace

std::vector<ChunkPlace> find_chunks(hid_t dataset, const Shape& shape, const Shape& chunk) {
  return ChunkFinder(dataset, shape, chunk).find();
}

}  // namespace tensorferry::hdf5
