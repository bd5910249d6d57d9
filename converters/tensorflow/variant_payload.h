// The payload of a variant tensor in a data shard: messages that only TensorFlow can interpret.
//
//   length: varint | VariantTensorDataProto | checksum: u32 | ...           one element after
//   another
//
// One CRC32C runs over the whole tensor: over each length as a u64, the message, and the checksum,
// which is the masked CRC so far; the entry has its masked final value. From WriteVariantTensor of
// TensorFlow's util/tensor_bundle/tensor_bundle.cc.
#pragma once

#include <cstdint>
#include <string_view>

namespace tensorferry::tensorflow {

/// The entry's checksum of a payload of a little-endian bundle. Throws Error(corrupt.variant)
/// unless it is exactly that many elements, Error(corrupt.checksum).
std::uint32_t masked_crc_of_variants(std::string_view payload, std::uint64_t elements);

}  // namespace tensorferry::tensorflow
