#include "deflate_sink.h"

#include <algorithm>
#include <memory>

#include "npz.h"
#include "npz_wire.h"
#include "util/crc32.h"
#include "util/deflate.h"
#include "util/npy_dtype.h"
#include "util/npy_header.h"
#include "util/ordered_work.h"
#include "util/stream_parts.h"

namespace tensorferry::npz {
namespace {

// The largest header is smaller. Blocks that are made side by side cost some bytes each.
constexpr std::size_t kBlock = 256u << 10;
// Read, compressed, and the compressor. A sink has room for two at least.
constexpr std::size_t kBlockBuffers = 3 * kBlock;

/// What is written in front of a tensor's elements.
struct Array {
  std::string name;
  std::string header;
};

/// A part of a member: made in order, compressed in any.
struct Block {
  std::vector<std::byte> before, bytes, deflated;
  std::uint32_t crc32 = 0;
};

class DeflateSink final : public Sink {
 public:
  DeflateSink(std::vector<Array> arrays, std::string metadata, int level)
      : arrays_(std::move(arrays)), metadata_(std::move(metadata)), level_(level) {}

  std::uint64_t buffer_bytes(unsigned threads, std::uint64_t memory) const override {
    return most_blocks(threads, memory) * kBlockBuffers;
  }

  void allow(unsigned threads, std::uint64_t memory) override {
    most_ = most_blocks(threads, memory);
    threads_ = static_cast<unsigned>(std::min<std::uint64_t>(threads, most_));
  }

  void write(const Slot& slot, ByteStream& bytes, GrowingFile& file) override {
    file_ = &file;
    const Array& array = arrays_.at(slot.tensor);
    const std::string name = array.name + std::string(npz_extension);
    Member member;
    member.name = name;
    member.size = checked_add(array.header.size(), slot.length);
    // What does not compress becomes larger, by 5 bytes in 16 KiB.
    member.large = needs_zip64(checked_add(member.size, member.size / 1024 + 1024));
    begin(member);
    deflate(member, std::as_bytes(std::span(array.header)), bytes);
    end(member);
  }

  void finish(GrowingFile& file, Layout&) override {
    file_ = &file;
    std::string comment = std::move(metadata_);
    if (comment.size() > max_comment) {
      write_text(comment);
      comment.clear();
    }
    const std::uint64_t at = file.end();
    append(directory_);
    append(end_records(count_, directory_.size(), at, comment));
  }

 private:
  static std::uint64_t most_blocks(unsigned threads, std::uint64_t memory) {
    return std::clamp<std::uint64_t>(memory / kBlockBuffers, 1, 2 * std::uint64_t{threads});
  }

  void write_text(const std::string& text) {
    Member member;
    member.name = npz_metadata_member;
    member.size = text.size();
    begin(member);
    const auto bytes = std::as_bytes(std::span(text));
    member.crc32 = crc32(0, bytes);
    append(deflated_block({}, bytes, level_, true));
    end(member);
  }

  /// `header`, then the stream, in blocks whose size depends on nothing.
  void deflate(Member& member, std::span<const std::byte> header, ByteStream& stream) {
    OrderedWork work(threads_, most_);
    std::vector<std::byte> before;
    for (std::uint64_t done = 0; done < member.size;) {
      auto block = std::make_shared<Block>();
      block->bytes.resize(std::min<std::uint64_t>(kBlock, member.size - done));
      const std::size_t copied = done == 0 ? header.size() : 0;
      std::copy_n(header.begin(), copied, block->bytes.begin());
      read_fully(stream, std::span(block->bytes).subspan(copied), member.name);
      block->before = std::move(before);
      const auto tail = std::span(block->bytes);
      const auto window = tail.last(std::min(tail.size(), kDeflateWindow));
      before.assign(window.begin(), window.end());
      done += block->bytes.size();
      const bool last = done == member.size;
      work.add(
          [this, block, last] {
            block->crc32 = crc32(0, block->bytes);
            block->deflated = deflated_block(block->before, block->bytes, level_, last);
          },
          [this, block, &member] {
            member.crc32 = crc32_combine(member.crc32, block->crc32, block->bytes.size());
            append(block->deflated);
          });
    }
    work.finish();
    expect_end(stream, member.name);
  }

  /// A place for the header; its sizes come later.
  void begin(Member& member) {
    member.deflated = true;
    member.offset = file_->end();
    append(local_header(member, false));
    data_ = file_->end();
  }

  void end(Member member) {
    member.stored = file_->end() - data_;
    const std::string header = local_header(member, false);
    file_->rewrite(member.offset, std::as_bytes(std::span(header)));
    append_central_header(directory_, member);
    ++count_;
  }

  void append(std::span<const std::byte> bytes) { file_->append(bytes); }
  void append(const std::string& text) { append(std::as_bytes(std::span(text))); }

  std::vector<Array> arrays_;
  std::string metadata_;
  int level_;
  GrowingFile* file_ = nullptr;
  std::string directory_;    // the central headers of what was written
  std::uint64_t count_ = 0;  // of them
  unsigned threads_ = 1;
  std::uint64_t most_ = 1;  // blocks at a time
  std::uint64_t data_ = 0;  // where the member at hand has its first byte
};

}  // namespace

void lay_out_deflated(const Manifest& manifest, const Names& names, std::string metadata, int level,
                      Layout& layout) {
  std::uint64_t size = metadata.size();
  std::vector<Array> arrays;
  for (std::size_t i = 0; i < manifest.tensors.size(); ++i) {
    const Tensor& tensor = manifest.tensors[i];
    Slot slot;
    slot.tensor = i;
    slot.codec = npy_encoding(tensor.dtype)->codec;
    slot.length = encoded_bytes(tensor.dtype, slot.codec, tensor.elements());
    slot.fill = Slot::Fill::sink;
    arrays.push_back({names.of(i), npy_header(npy_descr(tensor.dtype), tensor.shape)});
    constexpr std::uint64_t kHeaders = 160;  // local and central, with zip64 fields
    size =
        checked_add(size, kHeaders + 2 * arrays.back().name.size() + arrays.back().header.size());
    size = checked_add(size, slot.length + slot.length / 1024);
    layout.slots.push_back(slot);
  }
  layout.files.push_back({"", 0, size});
  layout.sink = std::make_unique<DeflateSink>(std::move(arrays), std::move(metadata), level);
}

}  // namespace tensorferry::npz
