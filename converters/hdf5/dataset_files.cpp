#include "dataset_files.h"

#include <algorithm>
#include <cstring>

#include "chunks.h"
#include "object_header.h"
#include "tensorferry/error.h"

namespace tensorferry::hdf5 {
namespace {

class DerivedFile : public File {
 public:
  DerivedFile(SharedFile shared, std::uint64_t size) : shared_(std::move(shared)), size_(size) {}

  const std::string& name() const override { return source().name(); }
  std::uint64_t size() const override { return size_; }
  FileIdentity identity() const override { return source().identity(); }
  void check_unchanged() const override { source().check_unchanged(); }
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override {
    if (offset > size_ || bytes.size() > size_ - offset) {
      throw Error(ErrorCode::corrupt, "truncated",
                  "needs bytes " + std::to_string(offset) + ".." +
                      std::to_string(offset + bytes.size()) + " of a dataset of " +
                      std::to_string(size_))
          .in_file(name());
    }
    try {
      shared_.verify();
      read_inside(offset, bytes);
    } catch (const Error& error) {
      throw error.in_file(name());
    }
  }

 protected:
  virtual void read_inside(std::uint64_t offset, std::span<std::byte> bytes) const = 0;
  const File& source() const { return *shared_.file->file(); }
  const SharedFile& shared() const { return shared_; }

 private:
  SharedFile shared_;
  std::uint64_t size_;
};

std::uint64_t bytes_of(const Placement& placement) {
  return checked_multiply(element_count(placement.shape), placement.element_bytes);
}

void copy_part(const std::vector<std::byte>& from, std::uint64_t offset, std::span<std::byte> to) {
  std::memcpy(to.data(), from.data() + offset, to.size());
}

/// Fills `bytes` with repeated elements, from the middle of one on.
void repeat(const std::vector<std::byte>& element, std::size_t from, std::span<std::byte> bytes) {
  // Doubles what is there: whole elements, so that every part of it continues itself.
  const std::size_t first = std::min(element.size(), bytes.size());
  for (std::size_t i = 0; i < first; ++i) bytes[i] = element[(from + i) % element.size()];
  for (std::size_t done = first; done < bytes.size();) {
    const std::size_t more = std::min(done, bytes.size() - done);
    std::memcpy(&bytes[done], bytes.data(), more);
    done += more;
  }
}

class FillFile final : public DerivedFile {
 public:
  FillFile(SharedFile shared, std::vector<std::byte> element, std::uint64_t size)
      : DerivedFile(std::move(shared), size), element_(std::move(element)) {}

 private:
  void read_inside(std::uint64_t offset, std::span<std::byte> bytes) const override {
    repeat(element_, offset % element_.size(), bytes);
  }

  std::vector<std::byte> element_;
};

class CompactFile final : public DerivedFile {
 public:
  CompactFile(SharedFile shared, const Placement& placement)
      : DerivedFile(std::move(shared), bytes_of(placement)),
        address_(placement.address),
        base_(placement.base) {}

 private:
  void read_inside(std::uint64_t offset, std::span<std::byte> bytes) const override {
    const auto messages = object_header(source(), base_, address_);
    const auto all = stored_compact(messages);
    if (!all || all->size() < size())
      throw Error(ErrorCode::corrupt, "size", "its object header does not hold its elements");
    std::memcpy(bytes.data(), all->data() + offset, bytes.size());
  }

  haddr_t address_;
  std::uint64_t base_;
};

/// The trailing dimensions that every chunk holds whole become part of the element: what is left
/// has long runs.
struct Grid {
  Shape shape, chunk;
  std::uint64_t element_bytes;

  explicit Grid(const Placement& placement)
      : shape(placement.shape), chunk(placement.chunk), element_bytes(placement.element_bytes) {
    while (shape.size() > 1 && chunk.back() == shape.back()) {
      element_bytes *= shape.back();
      shape.pop_back();
      chunk.pop_back();
    }
  }
};

class ChunkedFile final : public DerivedFile {
 public:
  ChunkedFile(SharedFile shared, Placement placement)
      : DerivedFile(std::move(shared), bytes_of(placement)),
        placement_(std::move(placement)),
        grid_(placement_),
        chunk_bytes_(element_count(grid_.chunk) * grid_.element_bytes) {
    std::uint64_t row = chunk_bytes_;
    for (std::size_t axis = 1; axis < grid_.shape.size(); ++axis)
      row = checked_multiply(row, chunks_along(axis));
    this->shared().chunks->expect(row);
  }
  ~ChunkedFile() override { shared().chunks->forget(this); }

 private:
  // A part of one row of elements that lies in one chunk.
  struct Run {
    std::uint64_t chunk;   // which one, row-major
    std::uint64_t offset;  // in it, in bytes
    std::uint64_t bytes;
  };

  std::uint64_t chunks_along(std::size_t axis) const {
    return parts_of(grid_.shape[axis], grid_.chunk[axis]);
  }

  Run run_at(std::uint64_t offset) const {
    std::uint64_t element = offset / grid_.element_bytes;
    const std::uint64_t inside = offset % grid_.element_bytes;
    Run run{0, 0, 0};
    std::uint64_t chunk_step = 1, element_step = grid_.element_bytes;
    for (std::size_t axis = grid_.shape.size(); axis-- > 0;) {
      const std::uint64_t index = element % grid_.shape[axis], extent = grid_.chunk[axis];
      element /= grid_.shape[axis];
      run.chunk += index / extent * chunk_step;
      run.offset += index % extent * element_step;
      chunk_step *= chunks_along(axis);
      element_step *= extent;
      if (axis + 1 < grid_.shape.size()) continue;
      const std::uint64_t end = std::min(index / extent * extent + extent, grid_.shape[axis]);
      run.bytes = (end - index) * grid_.element_bytes - inside;
    }
    run.offset += inside;
    return run;
  }

  void read_inside(std::uint64_t offset, std::span<std::byte> bytes) const override {
    ChunkCache::Bytes chunk;
    std::uint64_t held = 0;
    while (!bytes.empty()) {
      const Run run = run_at(offset);
      if (!chunk || held != run.chunk) {
        chunk.reset();
        chunk =
            shared().chunks->get({this, run.chunk}, chunk_bytes_, [&] { return load(run.chunk); });
        held = run.chunk;
      }
      const auto part = bytes.first(std::min<std::uint64_t>(run.bytes, bytes.size()));
      copy_part(*chunk, run.offset, part);
      offset += part.size();
      bytes = bytes.subspan(part.size());
    }
  }

  std::vector<std::byte> load(std::uint64_t index) const {
    std::vector<hsize_t> start(placement_.shape.size(), 0);
    bool at_edge = false;
    for (std::size_t axis = start.size(); axis-- > 0;) {
      const std::uint64_t extent = placement_.chunk[axis];
      const std::uint64_t count = parts_of(placement_.shape[axis], extent);
      start[axis] = index % count * extent;
      index /= count;
      at_edge = at_edge || placement_.shape[axis] - start[axis] < extent;
    }
    std::uint32_t skipped = 0;
    std::vector<std::byte> stored = read_stored(start, skipped);
    if (stored.empty()) return filled();
    if (at_edge && placement_.plain_edges) skipped = ~std::uint32_t{0};
    try {
      return unfiltered(std::move(stored), placement_.filters, skipped, chunk_bytes_);
    } catch (const Error& error) {
      throw Error(
          error.code(), error.detail(),
          "chunk at " + to_string(Shape(start.begin(), start.end())) + ": " + error.message());
    }
  }

  // As it lies in the file; empty = never written.
  std::vector<std::byte> read_stored(const std::vector<hsize_t>& start,
                                     std::uint32_t& skipped) const {
    const ReadScope scope;
    const auto dataset = shared().file->dataset(placement_.address);
    // Not H5Dget_chunk_storage_size: without filters that is what a chunk should take, and 1.10
    // reads as much as the index says.
    hsize_t size = 0;
    unsigned mask = 0;
    haddr_t address = HADDR_UNDEF;
    readable(H5Dget_chunk_info_by_coord(dataset->id(), start.data(), &mask, &address, &size),
             "find a chunk");
    if (size == 0) return {};
    if (size > source().size()) {
      throw Error(ErrorCode::corrupt, "truncated",
                  "a chunk of " + std::to_string(size) + " bytes, file has " +
                      std::to_string(source().size()));
    }
    std::vector<std::byte> stored(size);
    readable(H5Dread_chunk(dataset->id(), H5P_DEFAULT, start.data(), &skipped, stored.data()),
             "read a chunk");
    return stored;
  }

  std::vector<std::byte> filled() const {
    const std::vector<std::byte>& fill = placement_.fill;
    std::vector<std::byte> bytes(chunk_bytes_);
    repeat(fill, 0, bytes);
    return bytes;
  }

  Placement placement_;
  Grid grid_;
  std::uint64_t chunk_bytes_;
};

}  // namespace

std::shared_ptr<const File> compact_file(SharedFile shared, const Placement& placement) {
  return std::make_shared<CompactFile>(std::move(shared), placement);
}

std::shared_ptr<const File> chunked_file(SharedFile shared, Placement placement) {
  const std::uint64_t bytes =
      checked_multiply(element_count(placement.chunk), placement.element_bytes);
  if (bytes > kMostChunk) {
    throw Error(ErrorCode::unsafe, "limit",
                "a chunk takes " + std::to_string(bytes) + " bytes of memory, the limit is " +
                    std::to_string(kMostChunk));
  }
  return std::make_shared<ChunkedFile>(std::move(shared), std::move(placement));
}

std::shared_ptr<const File> fill_file(SharedFile shared, std::vector<std::byte> element,
                                      std::uint64_t size) {
  return std::make_shared<FillFile>(std::move(shared), std::move(element), size);
}

}  // namespace tensorferry::hdf5
