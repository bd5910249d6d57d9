#include "chunk_sink.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include "chunks.h"
#include "placing.h"
#include "tensorferry/error.h"
#include "util/deflate.h"
#include "util/heap.h"
#include "util/ordered_work.h"
#include "util/stream_parts.h"

namespace tensorferry::hdf5 {
namespace {

/// HDF5's filter of that name: all first bytes of the elements, all second ones, and so on.
void shuffle(std::vector<std::byte>& bytes, std::size_t element_bytes) {
  if (element_bytes == 1) return;
  std::vector<std::byte> out(bytes.size());
  const std::size_t count = bytes.size() / element_bytes;
  for (std::size_t j = 0; j < element_bytes; ++j) {
    const std::byte* from = bytes.data() + j;
    std::byte* to = out.data() + j * count;
    for (std::size_t i = 0; i < count; ++i) to[i] = from[i * element_bytes];
  }
  bytes = std::move(out);
}

class ChunkSink final : public Sink {
 public:
  ChunkSink(ChunkedFile file, const Compression& compression)
      : plan_(std::move(file)), compression_(compression) {}

  void allow(unsigned threads, std::uint64_t memory) override {
    std::uint64_t largest = 1;
    for (const ChunkTree& tree : plan_.trees)
      largest = std::max(largest, element_count(tree.chunk) * tree.element_bytes);
    // Read, shuffled, compressed.
    const std::uint64_t most = std::min<std::uint64_t>(2 * threads, memory / largest / 3);
    work_.emplace(most > 1 ? threads : 1, most);
    expect_allocations(std::max<std::uint64_t>(most, 1) * 3 * largest);
  }

  void write(const Slot&, ByteStream& bytes, GrowingFile& file) override {
    const std::string doing = "an HDF5 dataset";
    const ChunkTree& tree = plan_.trees.at(next_++);
    const std::size_t element_bytes = tree.element_bytes;
    const std::size_t chunk_bytes = element_count(tree.chunk) * element_bytes;
    for (ChunkWalk walk(tree.shape, tree.chunk); !walk.done(); walk.next()) {
      // What lies beyond the edge is 0.
      auto chunk = std::make_shared<std::vector<std::byte>>(chunk_bytes);
      read_fully(bytes, std::span(*chunk).first(walk.elements() * element_bytes), doing);
      work_->add([this, chunk, element_bytes] { compress(*chunk, element_bytes); },
                 [this, chunk, &file] { append(*chunk, file); });
    }
    expect_end(bytes, doing);
  }

  void finish(GrowingFile& file, Layout& layout) override {
    work_->finish();
    std::string& image = layout.segments.at(0).bytes;
    std::size_t first = 0;
    for (const ChunkTree& tree : plan_.trees) {
      const std::uint64_t count = tree.chunks();
      tree.put(image, plan_.superblock.half_node, std::span(chunks_).subspan(first, count));
      first += count;
    }
    plan_.superblock.put(image, file.end());
  }

 private:
  void compress(std::vector<std::byte>& chunk, std::size_t element_bytes) const {
    if (compression_.shuffle) shuffle(chunk, element_bytes);
    chunk = zlib_compressed(chunk, static_cast<int>(compression_.level),
                            compression_.shuffle ? element_bytes : 1);
  }

  void append(const std::vector<std::byte>& chunk, GrowingFile& file) {
    if (chunk.size() > std::numeric_limits<std::uint32_t>::max()) {
      throw Error(
          ErrorCode::unsupported, "hdf5_chunk",
          "a chunk takes 4 GiB or more when it is compressed; chunk=BYTES makes it smaller");
    }
    const std::uint64_t begin = place_behind(file.end(), chunk.size());
    file.append(std::vector<std::byte>(begin - file.end()));
    chunks_.push_back({begin, static_cast<std::uint32_t>(chunk.size())});
    file.append(chunk);
  }

  ChunkedFile plan_;
  Compression compression_;
  std::size_t next_ = 0;             // the tree of the next slot
  std::vector<StoredChunk> chunks_;  // of all of them
  std::optional<OrderedWork> work_;  // goes on from one slot to the next
};

}  // namespace

std::unique_ptr<Sink> make_chunk_sink(ChunkedFile file, const Compression& compression) {
  return std::make_unique<ChunkSink>(std::move(file), compression);
}

}  // namespace tensorferry::hdf5
