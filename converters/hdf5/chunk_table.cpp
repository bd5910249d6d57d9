#include "chunk_table.h"

#include <algorithm>

#include "chunks.h"
#include "tensorferry/error.h"

namespace tensorferry::hdf5 {
namespace {

class ChunkFinder {
 public:
  ChunkFinder(hid_t dataset, const Shape& shape, const Shape& chunk)
      : dataset_(dataset), shape_(shape), chunk_(chunk) {
    for (std::size_t axis = 0; axis < shape.size(); ++axis)
      counts_.push_back(parts_of(shape[axis], chunk[axis]));
  }

  std::vector<ChunkPlace> find() {
    // Places that may be looked at for nothing, and chunks that may be counted from the first.
    constexpr std::uint64_t kFew = 1 << 17, kFilled = 8, kMostCounted = 1 << 12, kMost = 1 << 20;
    const Handle space = readable_handle(H5Dget_space(dataset_), H5Sclose, "read a shape");
    hsize_t stored = 0;
    readable(H5Dget_num_chunks(dataset_, space.id(), &stored), "count chunks");
    if (stored == 0) return {};
    const std::uint64_t all = element_count(counts_);
    if (all <= kFew || all / kFilled <= stored) {
      look_everywhere();
    } else if (stored <= kMostCounted && all <= kMost) {
      look_at(space.id(), stored);
    } else {
      throw Error(
          ErrorCode::unsafe, "limit",
          "declares " + std::to_string(all) + " chunks and stores " + std::to_string(stored));
    }
    return std::move(found_);
  }

 private:
  void look_everywhere() {
    std::uint64_t index = 0;
    std::vector<hsize_t> start;
    for (ChunkWalk walk(shape_, chunk_); !walk.done(); walk.next()) {
      start.assign(walk.start().begin(), walk.start().end());
      look(index++, start);
    }
  }

  // The library goes through those before it to find the next: only for a few of many.
  void look_at(hid_t space, hsize_t stored) {
    std::vector<hsize_t> start(shape_.size());
    for (hsize_t number = 0; number < stored; ++number) {
      unsigned skipped = 0;
      haddr_t address = 0;
      hsize_t bytes = 0;
      readable(H5Dget_chunk_info(dataset_, space, number, start.data(), &skipped, &address, &bytes),
               "find a chunk");
      std::uint64_t index = 0;
      for (std::size_t axis = 0; axis < start.size(); ++axis) {
        const std::uint64_t place = start[axis] / chunk_[axis];
        if (place >= counts_[axis])
          throw Error(ErrorCode::corrupt, "hdf5", "it has a chunk outside of its shape");
        index = index * counts_[axis] + place;
      }
      look(index, start);
    }
    std::sort(found_.begin(), found_.end(),
              [](const ChunkPlace& a, const ChunkPlace& b) { return a.index < b.index; });
  }

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
    readable(H5Dread_chunk(dataset_, H5P_DEFAULT, start.data(), &skipped, &nothing),
             "find a chunk");
    const auto place = catcher.caught();
    if (!place || place->bytes > UINT32_MAX)
      throw Error(ErrorCode::corrupt, "hdf5", "a chunk of it lies nowhere");
    found_.push_back({index, place->offset, static_cast<std::uint32_t>(place->bytes), skipped});
  }

  hid_t dataset_;
  const Shape& shape_;
  const Shape& chunk_;
  Shape counts_;
  std::vector<ChunkPlace> found_;
};

}  // namespace

std::vector<ChunkPlace> find_chunks(hid_t dataset, const Shape& shape, const Shape& chunk) {
  return ChunkFinder(dataset, shape, chunk).find();
}

}  // namespace tensorferry::hdf5
