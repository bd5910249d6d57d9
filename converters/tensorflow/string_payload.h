// The payload of a string tensor in a data shard.
//
//   length: varint | ...  | length checksum: u32 | bytes of all elements
//
// Elements are row-major. The length checksum is the masked CRC32C of the lengths, each as a u32
// (above 2^32 - 1: as a u64); these and the checksum are in the bundle's byte order.
// The entry's checksum goes on from the unmasked length CRC over the four checksum bytes as they
// lie in the file, then over the elements. What follows them is not covered; TensorFlow ignores
// it, and so does this reader.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tensorferry/input.h"

namespace tensorferry::tensorflow {

struct StringPayload {
  std::shared_ptr<const File> file;
  std::uint64_t offset = 0, size = 0;
  std::uint64_t elements = 0;  ///< at most `size`: each has a length of a byte or more
  std::endian order = std::endian::little;
  std::uint32_t masked_crc = 0;  ///< of the entry
};

/// Memory that load_strings takes at most, in bytes.
std::uint64_t memory_for(const StringPayload& payload);

/// All elements. Throws Error(corrupt.truncated) when lengths exceed the payload,
/// Error(corrupt.checksum). Nothing is allocated for elements before their lengths are proved.
/// Thread-safe.
std::vector<std::string> load_strings(const StringPayload& payload);

/// The payload of those strings in a little-endian bundle, and the entry's checksum.
struct EncodedPayload {
  std::string bytes;
  std::uint32_t masked_crc = 0;
};
EncodedPayload encode_strings(const std::vector<std::string>& strings);

}  // namespace tensorferry::tensorflow
