// Keys of the slices of a partitioned tensor, in an encoding that sorts as the values do
// ("OrderedCode").
//
//   key       unsigned 0 | string name | unsigned rank | for each dimension: signed start, length
//   unsigned  number of significant bytes: u8 | those bytes, most significant first
//   string    the bytes, with 00 as 00 ff and ff as ff 00 | 00 01
//   signed    two's complement, most significant byte first, the top n bits inverted
//
// A signed number takes the least n bytes (1 to 10) such that -2^(7n-1) <= v < 2^(7n-1). It begins
// with n ones and a zero, or, when it is negative, with n zeros and a one.
//
// A whole dimension is start 0, length -1: another key than the same extent spelled out. The
// encoding is that of TensorFlow's core/lib/strings/ordered_code.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tensorferry::tensorflow {

/// The extent of a slice along one dimension.
struct SliceExtent {
  std::int64_t start = 0;
  std::int64_t length = -1;  ///< -1 = the whole dimension
  bool operator==(const SliceExtent&) const = default;
};
using Slice = std::vector<SliceExtent>;

void append_unsigned(std::string& key, std::uint64_t value);
void append_signed(std::string& key, std::int64_t value);
void append_string(std::string& key, std::string_view text);

std::string encode_slice_key(std::string_view name, const Slice& slice);

struct SliceKey {
  std::string name;
  Slice slice;
};
/// decode undoes encode_slice_key; nothing when `key` is not exactly one slice key.
std::optional<SliceKey> decode_slice_key(std::string_view key);

/// "[0:3, :]", for messages.
std::string slice_text(const Slice& slice);

}  // namespace tensorferry::tensorflow
