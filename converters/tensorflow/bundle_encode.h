// The values in the index of a V2 checkpoint, written: what bundle.h reads.
#pragma once

#include <cstdint>
#include <string>

#include "tensorferry/dtype.h"

namespace tensorferry::tensorflow {

/// The value of the empty key: little-endian, producer 1.
std::string encode_header(std::uint64_t num_shards);

struct EntryFields {
  std::int32_t dtype_code = 0;
  Shape shape;
  std::uint64_t shard = 0, offset = 0, size = 0;
};

/// The value of another key, without its last field.
std::string encode_entry(const EntryFields& entry);

/// That last field, of five bytes: the checksum is the last four of them, in little-endian order.
std::string encode_crc(std::uint32_t masked_crc);

}  // namespace tensorferry::tensorflow
