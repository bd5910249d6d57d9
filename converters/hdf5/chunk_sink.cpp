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

constexpr std::uint64_t kCompressor = 768u << 10;  // libdeflate's, at level 9
// Sizes of stored chunks have 32 bits.
static_assert(largest_compressed(kMostChunk) <= std::numeric_limits<std::uint32_t>::max());

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

  std::uint64_t buffer_bytes(unsigned threads, std::uint64_t memory) const override {
    return share_of(threads, memory).bytes;
  }

  void allow(unsigned threads, std::uint64_t memory) override {
    const Share share = share_of(threads, memory);
    work_.emplace(share.threads, share.chunks);
    expect_allocations(share.bytes - share.threads * kCompressor);
  }

  void write(const Slot&, ByteStream& bytes, GrowingFile& file) override {
    const std::string doing = "an HDF5 dataset";
    const ChunkTree& tree = plan_.trees.at(next_++);
    const std::size_t element_bytes = tree.element_bytes;
    const std::size_t chunk_bytes = tree.chunk_bytes();
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
  struct Share {
    unsigned threads;
    std::uint64_t chunks, bytes;  // held at a time, and what they take
  };

  /// As many threads as there is memory for, each with one chunk or two.
  Share share_of(unsigned threads, std::uint64_t memory) const {
    std::uint64_t largest = 1;
    for (const ChunkTree& tree : plan_.trees) largest = std::max(largest, tree.chunk_bytes());
    const std::uint64_t chunk = largest_compressed(largest);
    // While a thread works on a chunk, it holds what it makes of it, too.
    const std::uint64_t worker = kCompressor + chunk, least = worker + chunk;
    if (memory < least) {
      throw Error(ErrorCode::usage, "memory_limit",
                  "to compress chunks of " + std::to_string(largest) + " bytes takes " +
                      std::to_string(least) + " bytes of buffers, the memory limit leaves " +
                      std::to_string(memory) + "; --out-opt chunk=BYTES makes chunks smaller");
    }
    const std::uint64_t workers = std::min<std::uint64_t>(threads, memory / least);
    if (workers == 1) return {1, 1, least};
    const std::uint64_t chunks = std::min(2 * workers, (memory - workers * worker) / chunk);
    return {static_cast<unsigned>(workers), chunks, workers * worker + chunks * chunk};
  }

  void compress(std::vector<std::byte>& chunk, std::size_t element_bytes) const {
    if (compression_.shuffle) shuffle(chunk, element_bytes);
    chunk = zlib_compressed(chunk, static_cast<int>(compression_.level),
                            compression_.shuffle ? element_bytes : 1);
  }

  void append(const std::vector<std::byte>& chunk, GrowingFile& file) {
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
