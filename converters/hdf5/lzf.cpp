#include "lzf.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "tensorferry/error.h"

namespace tensorferry::hdf5 {
namespace {

[[noreturn]] void damaged() {
  throw Error(ErrorCode::corrupt, "lzf", "a chunk is not a stream of lzf");
}

class Decoder {
 public:
  Decoder(std::span<const std::byte> stream, std::size_t most)
      : stream_(stream), bytes_(std::min(most, stream.size() * kMostLzf)), most_(most) {}

  std::vector<std::byte> run() {
    while (!stream_.empty()) {
      const unsigned control = next();
      if (control < 32) {
        literal(control + 1);
        continue;
      }
      std::size_t length = control >> 5;
      if (length == 7) length += next();
      copy(length + 2, ((control & 31) << 8 | next()) + std::size_t{1});
    }
    bytes_.resize(size_);
    return std::move(bytes_);
  }

 private:
  unsigned next() {
    if (stream_.empty()) damaged();
    const auto value = std::to_integer<unsigned>(stream_.front());
    stream_ = stream_.subspan(1);
    return value;
  }

  std::byte* room(std::size_t length) {
    if (length > bytes_.size() - size_) {
      throw Error(ErrorCode::corrupt, "size",
                  "a chunk decompresses past its " + std::to_string(most_) + " bytes");
    }
    std::byte* to = bytes_.data() + size_;
    size_ += length;
    return to;
  }

  void literal(std::size_t length) {
    if (length > stream_.size()) damaged();
    std::memcpy(room(length), stream_.data(), length);
    stream_ = stream_.subspan(length);
  }

  void copy(std::size_t length, std::size_t distance) {
    if (distance > size_) damaged();
    std::byte* to = room(length);
    const std::byte* from = to - distance;
    if (distance >= length) {
      std::memcpy(to, from, length);
    } else {
      for (std::size_t i = 0; i < length; ++i) to[i] = from[i];
    }
  }

  std::span<const std::byte> stream_;
  std::vector<std::byte> bytes_;
  std::size_t size_ = 0, most_;
};

}  // namespace

std::vector<std::byte> lzf_decompressed(std::span<const std::byte> stream, std::size_t most) {
  return Decoder(stream, most).run();
}

}  // namespace tensorferry::hdf5
