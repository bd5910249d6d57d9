#include "dataset_files.h"

#include <algorithm>
#include <cstring>

#include "chunks.h"
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
      read_inside(offset, bytes);
    } catch (const Error& error) {
      throw error.in_file(name());
    }
  }

 protected:
  virtual void read_inside(std::uint64_t offset, std::span<std::byte> bytes) const = 0;
  const File& source() const { return *shared_.payload; }
  const SharedFile& shared() const { return shared_; }

 private:
  SharedFile shared_;
  std::uint64_t size_;
};

// The bytes from `offset` on of `element` over and over.
void repeat(const std::string& element, std::uint64_t offset, std::span<std::byte> bytes) {
  const std::size_t first = std::min<std::size_t>(element.size(), bytes.size());
  for (std::size_t i = 0; i < first; ++i)
    bytes[i] = static_cast<std::byte>(element[(offset + i) % element.size()]);
  for (std::size_t done = first; done < bytes.size();) {
    const std::size_t more = std::min(done, bytes.size() - done);
    std::memcpy(bytes.data() + done, bytes.data(), more);
    done += more;
  }
}

/// Bytes that are known already, over and over.
class KnownFile final : public DerivedFile {
 public:
  KnownFile(SharedFile shared, std::string known, std::uint64_t size)
      : DerivedFile(std::move(shared), size), known_(std::move(known)) {}

 private:
  void read_inside(std::uint64_t offset, std::span<std::byte> bytes) const override {
    source().read_at(0, {});  // has it verify itself
    repeat(known_, offset, bytes);
  }

  std::string known_;
};

/// The trailing dimensions that every chunk holds whole become part of the element: what is left
/// has long runs.
struct Grid {
  Shape shape, chunk;
  std::uint64_t element_bytes;

  explicit Grid(const Elements& elements)
      : shape(elements.shape), chunk(elements.chunk), element_bytes(elements.element_bytes) {
    while (shape.size() > 1 && chunk.back() == shape.back()) {
      element_bytes *= shape.back();
      shape.pop_back();
      chunk.pop_back();
    }
  }
};

class ChunkedFile final : public DerivedFile {
 public:
  ChunkedFile(SharedFile shared, Elements elements)
      : DerivedFile(std::move(shared), elements.bytes()),
        elements_(std::move(elements)),
        grid_(elements_),
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
      const auto part = bytes.first(std::min<std::uint64_t>(run.bytes, bytes.size()));
      if (!chunk || held != run.chunk) {
        chunk.reset();
        held = run.chunk;
        if (const ChunkPlace* place = place_of(held))
          chunk = shared().chunks->get({this, held}, chunk_bytes_, [&] { return load(*place); });
      }
      if (chunk)
        std::memcpy(part.data(), chunk->data() + run.offset, part.size());
      else
        repeat(elements_.fill, offset, part);
      offset += part.size();
      bytes = bytes.subspan(part.size());
    }
  }

  // Nothing of one that was never written.
  const ChunkPlace* place_of(std::uint64_t index) const {
    const auto place = std::lower_bound(
        elements_.chunks.begin(), elements_.chunks.end(), index,
        [](const ChunkPlace& chunk, std::uint64_t wanted) { return chunk.index < wanted; });
    return place != elements_.chunks.end() && place->index == index ? &*place : nullptr;
  }

  std::vector<std::byte> load(const ChunkPlace& place) const {
    std::uint64_t index = place.index;
    Shape start(elements_.shape.size(), 0);
    bool at_edge = false;
    for (std::size_t axis = start.size(); axis-- > 0;) {
      const std::uint64_t extent = elements_.chunk[axis];
      const std::uint64_t count = parts_of(elements_.shape[axis], extent);
      start[axis] = index % count * extent;
      index /= count;
      at_edge = at_edge || elements_.shape[axis] - start[axis] < extent;
    }
    const bool unfiltered_edge = at_edge && elements_.plain_edges;
    try {
      return unfiltered(read_stored(place), elements_.filters,
                        unfiltered_edge ? ~std::uint32_t{0} : place.skipped, chunk_bytes_);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::corrupt) throw;
      throw Error(error.code(), error.detail(),
                  "chunk at " + to_string(start) + ": " + error.message());
    }
  }

  // As it lies in the file.
  std::vector<std::byte> read_stored(const ChunkPlace& place) const {
    if (place.bytes > source().size()) {
      throw Error(ErrorCode::corrupt, "truncated",
                  "a chunk of " + std::to_string(place.bytes) + " bytes, file has " +
                      std::to_string(source().size()));
    }
    std::vector<std::byte> stored(place.bytes);
    source().read_at(place.address, stored);
    return stored;
  }

  Elements elements_;
  Grid grid_;
  std::uint64_t chunk_bytes_;
};

std::shared_ptr<const File> chunked_file(SharedFile shared, Elements elements) {
  const std::uint64_t bytes =
      checked_multiply(element_count(elements.chunk), elements.element_bytes);
  if (bytes > kMostChunk) {
    throw Error(ErrorCode::unsafe, "limit",
                "a chunk takes " + std::to_string(bytes) + " bytes of memory, the limit is " +
                    std::to_string(kMostChunk));
  }
  return std::make_shared<ChunkedFile>(std::move(shared), std::move(elements));
}

}  // namespace

FileRange range_of(const SharedFile& shared, Elements elements) {
  using enum Elements::Place;
  const std::uint64_t bytes = elements.bytes();
  switch (elements.place) {
    case contiguous:
      return {shared.payload, elements.offset, bytes};
    case compact:
      return {std::make_shared<KnownFile>(shared, std::move(elements.compact), bytes), 0, bytes};
    case unwritten:
      return {std::make_shared<KnownFile>(shared, std::move(elements.fill), bytes), 0, bytes};
    case chunked:
      return {chunked_file(shared, std::move(elements)), 0, bytes};
    case none:
      break;
  }
  return {shared.payload, 0, 0};
}

}  // namespace tensorferry::hdf5
