#include "util/inflated_file.h"

#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <list>
#include <mutex>
#include <vector>

#include "tensorferry/error.h"
#include "util/crc32.h"
#include "util/sha256.h"

namespace tensorferry {
namespace {

constexpr std::uint64_t kInput = 64u << 10;
constexpr std::uint64_t kRecent = 4u << 20;  // of output, for readers that come a little late
constexpr std::uint64_t kLeastStep = 16u << 10;
constexpr std::uint64_t kSpacing = 1u << 20;  // of checkpoints, near the end of what is inflated
constexpr std::size_t kNear = 16, kFar = 16;  // checkpoints at most
constexpr std::uint64_t kCheckpoint = 41u << 10;  // zlib's state with its window of 32 KiB
constexpr std::uint64_t kBudget = 20u << 20;      // of all decoders

/// zlib's state. It holds pointers to itself, so it cannot be moved.
class Inflate {
 public:
  Inflate() { check(inflateInit2(&stream_, -MAX_WBITS)); }
  explicit Inflate(const Inflate& other) {
    check(inflateCopy(&stream_, const_cast<z_streamp>(&other.stream_)));
    stream_.next_in = nullptr;
    stream_.avail_in = 0;
  }
  Inflate& operator=(const Inflate&) = delete;
  ~Inflate() { inflateEnd(&stream_); }

  z_stream& stream() { return stream_; }

 private:
  static void check(int status) {
    if (status == Z_OK) return;
    throw Error(ErrorCode::resources, "memory", "zlib has no memory");
  }
  z_stream stream_{};
};

/// Where inflating can go on.
struct Checkpoint {
  std::uint64_t in, out;
  std::uint32_t crc;
  std::unique_ptr<Inflate> state;
};

/// Dense checkpoints near the newest one, thinned out ones before them.
class Checkpoints {
 public:
  void add(Checkpoint checkpoint) {
    near_.push_back(std::move(checkpoint));
    if (near_.size() <= kNear) return;
    Checkpoint old = std::move(near_.front());
    near_.pop_front();
    if (!far_.empty() && old.out < far_.back().out + spacing_) return;
    far_.push_back(std::move(old));
    if (far_.size() <= kFar) return;
    for (std::size_t i = 1; i < far_.size(); ++i) far_.erase(far_.begin() + static_cast<long>(i));
    spacing_ *= 2;
  }
  std::uint64_t newest() const { return near_.empty() ? 0 : near_.back().out; }
  /// The last one that is not behind `out`; nothing = the beginning.
  const Checkpoint* before(std::uint64_t out) const {
    for (const auto* list : {&near_, &far_}) {
      const auto found = std::find_if(list->rbegin(), list->rend(),
                                      [&](const Checkpoint& c) { return c.out <= out; });
      if (found != list->rend()) return &*found;
    }
    return nullptr;
  }

 private:
  std::deque<Checkpoint> near_, far_;
  std::uint64_t spacing_ = kSpacing;
};

/// One stream, somewhere in the middle.
class Decoder {
 public:
  Decoder(const std::string& name, const DeflatedRange& range)
      : name_(name),
        range_(range),
        inflate_(std::make_unique<Inflate>()),
        input_(kInput),
        ring_(std::clamp<std::uint64_t>(range.size, 1, kRecent)),
        recent_(std::make_unique_for_overwrite<std::byte[]>(ring_)) {}

  /// Bytes of memory that decoding `size` bytes takes at most.
  static std::uint64_t cost(std::uint64_t size) {
    const std::uint64_t checkpoints = std::min<std::uint64_t>(kNear + kFar, size / kSpacing);
    return std::min(size, kRecent) + kInput + (1 + checkpoints) * kCheckpoint;
  }

  /// Calls are one at a time.
  void read(std::uint64_t offset, std::span<std::byte> bytes) {
    while (!bytes.empty()) {
      if (offset >= out_ || out_ - offset > kept_) {
        seek(offset);
        while (out_ <= offset) step(offset + bytes.size());
      }
      const std::uint64_t at = offset % ring_;
      const std::uint64_t count = std::min({bytes.size(), out_ - offset, ring_ - at});
      std::memcpy(bytes.data(), recent_.get() + at, count);
      bytes = bytes.subspan(count);
      offset += count;
    }
  }

  /// Inflates what is left, and compares.
  void verify() {
    while (out_ < range_.size) step(range_.size);
    Bytef surplus = 0;
    z_stream& stream = inflate_->stream();
    for (int status = ended_ ? Z_STREAM_END : Z_OK; status != Z_STREAM_END;) {
      stream.next_out = &surplus;
      stream.avail_out = 1;
      status = advance();
      if (stream.avail_out == 0)
        damaged("gives more than the " + std::to_string(range_.size) + " bytes announced");
    }
    ended_ = true;
    if (in_ - stream.avail_in != range_.length) {
      damaged("ends after " + std::to_string(in_ - stream.avail_in) + " of " +
              std::to_string(range_.length) + " bytes");
    }
    if (crc_ != range_.crc32) {
      throw Error(ErrorCode::corrupt, "checksum",
                  "CRC-32 is " + to_hex(crc_bytes(crc_)) + ", the archive says " +
                      to_hex(crc_bytes(range_.crc32)))
          .in_file(name_);
    }
  }

 private:
  [[noreturn]] void damaged(const std::string& why) const {
    throw Error(ErrorCode::corrupt, "deflate", "its deflated data " + why).in_file(name_);
  }

  /// To a place from which `offset` is reached by inflating on, the nearest one.
  void seek(std::uint64_t offset) {
    const Checkpoint* from = checkpoints_.before(offset);
    if (out_ <= offset && (from == nullptr || from->out <= out_)) return;
    inflate_ =
        from != nullptr ? std::make_unique<Inflate>(*from->state) : std::make_unique<Inflate>();
    in_ = from != nullptr ? from->in : 0;
    out_ = from != nullptr ? from->out : 0;
    crc_ = from != nullptr ? from->crc : 0;
    kept_ = 0;
    ended_ = false;
  }

  /// Inflates a little beyond `until` at most, to the end of the ring, of the input or of the
  /// spacing.
  void step(std::uint64_t until) {
    z_stream& stream = inflate_->stream();
    const std::uint64_t at = out_ % ring_;
    const std::uint64_t room = std::min({ring_ - at, range_.size - out_, kSpacing - out_ % kSpacing,
                                         std::max(until - out_, kLeastStep)});
    stream.next_out = reinterpret_cast<Bytef*>(recent_.get() + at);
    stream.avail_out = static_cast<uInt>(room);
    const int status = advance();
    const std::uint64_t made = room - stream.avail_out;
    crc_ = crc32(crc_, std::span(recent_.get() + at, made));
    out_ += made;
    kept_ = std::min<std::uint64_t>(kept_ + made, ring_);
    if (status == Z_STREAM_END) {
      ended_ = true;
      if (out_ < range_.size) {
        damaged("gives " + std::to_string(out_) + " bytes, announced are " +
                std::to_string(range_.size));
      }
    } else if (out_ % kSpacing == 0 && out_ > checkpoints_.newest() && out_ < range_.size) {
      checkpoints_.add({in_ - stream.avail_in, out_, crc_, std::make_unique<Inflate>(*inflate_)});
    }
  }

  int advance() {
    z_stream& stream = inflate_->stream();
    if (stream.avail_in == 0 && in_ < range_.length) {
      const std::uint64_t count = std::min(kInput, range_.length - in_);
      range_.file->read_at(range_.offset + in_, std::span(input_).first(count));
      in_ += count;
      stream.next_in = reinterpret_cast<Bytef*>(input_.data());
      stream.avail_in = static_cast<uInt>(count);
    }
    const uInt before_in = stream.avail_in, before_out = stream.avail_out;
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR) throw Error(ErrorCode::resources, "memory", "zlib has no memory");
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      damaged(std::string("is malformed: ") +
              (stream.msg != nullptr ? stream.msg : "unknown error"));
    }
    const bool stuck = stream.avail_in == before_in && stream.avail_out == before_out;
    if (stuck && status != Z_STREAM_END && in_ == range_.length) {
      damaged("ends in the middle, after " + std::to_string(range_.length) + " bytes");
    }
    return status;
  }

  const std::string name_;
  const DeflatedRange range_;
  std::unique_ptr<Inflate> inflate_;
  std::vector<std::byte> input_;
  std::uint64_t ring_;                   // bytes of recent_
  std::unique_ptr<std::byte[]> recent_;  // byte n of the output at n modulo ring_
  Checkpoints checkpoints_;
  std::uint64_t in_ = 0, out_ = 0;  // bytes taken from the range, bytes made
  std::uint64_t kept_ = 0;          // bytes before out_ that recent_ holds
  std::uint32_t crc_ = 0;
  bool ended_ = false;
};

class InflatedFile;

/// Keeps the decoders that were used last, within kBudget; readers of a dropped one keep it.
class Decoders {
 public:
  struct Shared {
    Shared(const std::string& name, const DeflatedRange& range) : decoder(name, range) {}
    std::mutex mutex;
    Decoder decoder;
  };

  /// Never destroyed: files may be held by static objects of a host program.
  static Decoders& instance() {
    static auto& decoders = *new Decoders;
    return decoders;
  }
  std::shared_ptr<Shared> get(const InflatedFile& file);
  void forget(const InflatedFile& file);

 private:
  std::mutex mutex_;
  std::list<const InflatedFile*> used_;  // most recently used first
  std::uint64_t cost_ = 0;
};

class InflatedFile final : public File {
 public:
  InflatedFile(std::string name, DeflatedRange range, std::uint64_t verify_from)
      : name_(std::move(name)),
        range_(std::move(range)),
        verify_from_(std::min(verify_from, range_.size)) {}
  ~InflatedFile() override { Decoders::instance().forget(*this); }

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return range_.size; }
  FileIdentity identity() const override { return range_.file->identity(); }
  void check_unchanged() const override { range_.file->check_unchanged(); }
  std::string_view checked_by() const override { return "crc32"; }

  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override {
    if (bytes.size() > range_.size || offset > range_.size - bytes.size()) {
      throw Error(ErrorCode::corrupt, "truncated",
                  "needs " + std::to_string(bytes.size()) + " bytes at offset " +
                      std::to_string(offset) + ", it has " + std::to_string(range_.size))
          .in_file(name_);
    }
    const auto shared = Decoders::instance().get(*this);
    std::lock_guard lock(shared->mutex);
    try {
      shared->decoder.read(offset, bytes);
      if (!verified_ && offset + bytes.size() >= verify_from_) {
        shared->decoder.verify();
        verified_ = true;
      }
    } catch (...) {
      Decoders::instance().forget(*this);
      throw;
    }
  }

 private:
  friend class Decoders;

  std::string name_;
  DeflatedRange range_;
  std::uint64_t verify_from_;
  mutable std::atomic<bool> verified_{false};
  // Both under the mutex of Decoders.
  mutable std::shared_ptr<Decoders::Shared> decoder_;
  mutable std::list<const InflatedFile*>::iterator place_;
};

std::shared_ptr<Decoders::Shared> Decoders::get(const InflatedFile& file) {
  std::lock_guard lock(mutex_);
  if (file.decoder_) {
    used_.splice(used_.begin(), used_, file.place_);
    return file.decoder_;
  }
  auto made = std::make_shared<Shared>(file.name_, file.range_);
  const std::uint64_t cost = Decoder::cost(file.range_.size);
  while (!used_.empty() && cost_ + cost > kBudget) {
    cost_ -= Decoder::cost(used_.back()->range_.size);
    used_.back()->decoder_.reset();
    used_.pop_back();
  }
  used_.push_front(&file);
  cost_ += cost;
  file.place_ = used_.begin();
  file.decoder_ = made;
  return made;
}

void Decoders::forget(const InflatedFile& file) {
  std::lock_guard lock(mutex_);
  if (!file.decoder_) return;
  cost_ -= Decoder::cost(file.range_.size);
  used_.erase(file.place_);
  file.decoder_.reset();
}

}  // namespace

std::shared_ptr<const File> inflated_file(std::string name, DeflatedRange range,
                                          std::uint64_t verify_from) {
  return std::make_shared<InflatedFile>(std::move(name), std::move(range), verify_from);
}

}  // namespace tensorferry
