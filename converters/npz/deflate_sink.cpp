#include "deflate_sink.h"

#include <fcntl.h>
#include <zlib.h>

#include <cerrno>

#include "io/output_files.h"
#include "io/system.h"
#include "npz.h"
#include "npz_wire.h"
#include "util/crc32.h"
#include "util/npy_dtype.h"
#include "util/npy_header.h"

namespace tensorferry::npz {
namespace {

constexpr std::size_t kBuffer = 256u << 10;

/// What is written in front of a tensor's elements.
struct Array {
  std::string name;
  std::string header;
};

/// zlib's state, from start to end.
class Deflate {
 public:
  explicit Deflate(int level) {
    // Raw, as in zip files; the rest as in deflateInit.
    if (deflateInit2(&stream_, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw Error(ErrorCode::resources, "memory", "zlib has no memory");
    }
  }
  Deflate(const Deflate&) = delete;
  Deflate& operator=(const Deflate&) = delete;
  ~Deflate() { deflateEnd(&stream_); }

  /// Hands what comes out to `write`, in parts.
  template <typename Write>
  void run(std::span<const std::byte> bytes, bool last, Write write) {
    // zlib does not write to its input.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    int status = Z_OK;
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      status = deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
      write(std::span<const std::byte>(out_).first(out_.size() - stream_.avail_out));
    } while (stream_.avail_out == 0 || (last && status != Z_STREAM_END));
  }

 private:
  z_stream stream_{};
  std::vector<std::byte> out_ = std::vector<std::byte>(kBuffer);
};

class DeflateSink final : public Sink {
 public:
  DeflateSink(std::vector<Array> arrays, std::string metadata, int level)
      : arrays_(std::move(arrays)), metadata_(std::move(metadata)), level_(level) {}

  void create(const std::filesystem::path& path, std::vector<Slot>&) override {
    path_ = path;
    fd_ = Descriptor(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd_) throw system_error(ErrorCode::output, "open", errno, path_);
  }

  void write(const Slot& slot, ByteStream& bytes) override {
    const Array& array = arrays_.at(slot.tensor);
    Member member;
    member.name = array.name + std::string(npz_extension);
    member.size = checked_add(array.header.size(), slot.length);
    // What does not compress becomes larger, by 5 bytes in 16 KiB.
    member.large = needs_zip64(checked_add(member.size, member.size / 1024 + 1024));
    begin(member);
    Deflate deflate(level_);
    const auto put = [&](std::span<const std::byte> part) { append(part); };
    const auto header = std::as_bytes(std::span(array.header));
    member.crc32 = crc32(0, header);
    deflate.run(header, false, put);
    std::vector<std::byte> buffer(kBuffer);
    std::uint64_t seen = 0;
    // The source tells at the end of the stream that its checksum does not match.
    while (const std::size_t count = bytes.read(buffer)) {
      const auto part = std::span<const std::byte>(buffer).first(count);
      member.crc32 = crc32(member.crc32, part);
      deflate.run(part, false, put);
      seen += count;
    }
    if (seen != slot.length) {
      throw Error(ErrorCode::internal, "stream",
                  "the stream of " + printable(array.name) + " has " + std::to_string(seen) +
                      " bytes, not " + std::to_string(slot.length));
    }
    deflate.run({}, true, put);
    end(std::move(member));
  }

  void close() override {
    std::string comment = std::move(metadata_);
    if (comment.size() > max_comment) {
      write_text(comment);
      comment.clear();
    }
    const std::uint64_t at = end_;
    for (const Member& member : members_) append(central_header(member));
    append(end_records(members_.size(), end_ - at, at, comment));
    if (!fd_.close()) throw system_error(ErrorCode::output, "close", errno, path_);
  }

 private:
  void write_text(const std::string& text) {
    Member member;
    member.name = npz_metadata_member;
    member.size = text.size();
    begin(member);
    member.crc32 = crc32(0, std::as_bytes(std::span(text)));
    Deflate(level_).run(std::as_bytes(std::span(text)), true,
                        [&](std::span<const std::byte> part) { append(part); });
    end(std::move(member));
  }

  /// A place for the header; its sizes come later.
  void begin(Member& member) {
    member.deflated = true;
    member.offset = end_;
    append(local_header(member, false));
    data_ = end_;
  }

  void end(Member member) {
    member.stored = end_ - data_;
    const std::string header = local_header(member, false);
    write_at(fd_, member.offset, std::as_bytes(std::span(header)), path_);
    members_.push_back(std::move(member));
  }

  void append(std::span<const std::byte> bytes) {
    write_at(fd_, end_, bytes, path_);
    end_ += bytes.size();
  }
  void append(const std::string& text) { append(std::as_bytes(std::span(text))); }

  std::vector<Array> arrays_;
  std::string metadata_;
  int level_;
  std::string path_;
  Descriptor fd_;
  std::vector<Member> members_;
  std::uint64_t end_ = 0, data_ = 0;  // of the file, and of the first byte of the member at hand
};

}  // namespace

void lay_out_deflated(const Manifest& manifest, std::vector<std::string> names,
                      std::string metadata, int level, Layout& layout) {
  std::uint64_t size = metadata.size();
  std::vector<Array> arrays;
  for (std::size_t i = 0; i < manifest.tensors.size(); ++i) {
    const Tensor& tensor = manifest.tensors[i];
    Slot slot;
    slot.tensor = i;
    slot.codec = npy_encoding(tensor.dtype)->codec;
    slot.length = encoded_bytes(tensor.dtype, slot.codec, tensor.elements());
    slot.fill = Slot::Fill::sink;
    arrays.push_back({std::move(names[i]), npy_header(npy_descr(tensor.dtype), tensor.shape)});
    constexpr std::uint64_t kHeaders = 160;  // local and central, with zip64 fields
    size =
        checked_add(size, kHeaders + 2 * arrays.back().name.size() + arrays.back().header.size());
    size = checked_add(size, slot.length + slot.length / 1024);
    layout.slots.push_back(slot);
  }
  layout.files.push_back({"", size});
  layout.sink = std::make_unique<DeflateSink>(std::move(arrays), std::move(metadata), level);
}

}  // namespace tensorferry::npz
