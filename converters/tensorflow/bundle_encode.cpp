#include "bundle_encode.h"

#include "encoding.h"
#include "tensorflow/tensor_bundle.pb.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::int32_t kProducer = 1;  // as TensorFlow has it since 2016
constexpr char kCrcTag = 0x35;         // field 6, fixed32

}  // namespace

std::string encode_header(std::uint64_t num_shards) {
  wire::BundleHeader header;
  header.set_num_shards(static_cast<std::int32_t>(num_shards));
  header.mutable_version()->set_producer(kProducer);
  return header.SerializeAsString();
}

std::string encode_entry(const EntryFields& entry) {
  wire::BundleEntry message;
  message.set_dtype(entry.dtype_code);
  wire::TensorShape& shape = *message.mutable_shape();  // present for a scalar, too
  for (const std::uint64_t extent : entry.shape) {
    shape.add_dim()->set_size(static_cast<std::int64_t>(extent));
  }
  message.set_shard_id(static_cast<std::int32_t>(entry.shard));
  message.set_offset(static_cast<std::int64_t>(entry.offset));
  message.set_size(static_cast<std::int64_t>(entry.size));
  return message.SerializeAsString();
}

std::string encode_crc(std::uint32_t masked_crc) {
  std::string field(1, kCrcTag);
  append_little32(field, masked_crc);
  return field;
}

}  // namespace tensorferry::tensorflow
