#include "bundle.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "dtypes.h"
#include "sniff.h"
#include "tensorflow/saved_tensor_slice.pb.h"
#include "tensorflow/tensor_bundle.pb.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::int32_t kConsumer = 1;  // the version of the format that is understood here

void check_version(const wire::Version& version) {
  if (version.producer() < 0) {
    throw Error(ErrorCode::corrupt, "header",
                "producer version " + std::to_string(version.producer()));
  }
  const auto& bad = version.bad_consumers();
  if (version.min_consumer() > kConsumer) {
    throw Error(ErrorCode::unsupported, "version",
                "the checkpoint asks for readers of version " +
                    std::to_string(version.min_consumer()) + " and above; this one has version " +
                    std::to_string(kConsumer));
  }
  if (std::find(bad.begin(), bad.end(), kConsumer) != bad.end()) {
    throw Error(ErrorCode::unsupported, "version",
                "the checkpoint excludes readers of version " + std::to_string(kConsumer));
  }
}

bool parse(google::protobuf::MessageLite& message, std::string_view value) {
  return value.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()) &&
         message.ParseFromArray(value.data(), static_cast<int>(value.size()));
}

Slice slice_of(const wire::TensorSlice& message) {
  Slice slice;
  slice.reserve(static_cast<std::size_t>(message.extent_size()));
  for (const auto& extent : message.extent()) {
    const bool whole = extent.has_length_case() == wire::TensorSlice::Extent::HAS_LENGTH_NOT_SET;
    slice.push_back({extent.start(), whole ? -1 : extent.length()});
  }
  return slice;
}

void copy_shape(const wire::TensorShape& shape, BundleEntry& entry) {
  entry.unknown_rank = shape.unknown_rank();
  entry.dims.reserve(static_cast<std::size_t>(shape.dim_size()));
  for (const auto& dim : shape.dim()) entry.dims.push_back(dim.size());
}

}  // namespace

std::int32_t parse_version(std::string_view message) {
  wire::Version version;
  if (!parse(version, message)) throw Error(ErrorCode::corrupt, "header", "malformed version");
  check_version(version);
  return version.producer();
}

SavedSliceMeta parse_slice_meta(std::string_view message) {
  wire::SavedSliceMeta parsed;
  if (!parse(parsed, message)) {
    throw Error(ErrorCode::corrupt, "header", "malformed description of a tensor in the header");
  }
  SavedSliceMeta meta;
  meta.name = parsed.name();
  meta.entry.dtype_code = parsed.type();
  copy_shape(parsed.shape(), meta.entry);
  for (const auto& slice : parsed.slice()) meta.entry.slices.push_back(slice_of(slice));
  return meta;
}

BundleEntry parse_shape(std::int32_t dtype_code, std::string_view message) {
  wire::TensorShape shape;
  if (!parse(shape, message)) throw Error(ErrorCode::corrupt, "shape", "malformed shape");
  BundleEntry entry;
  entry.dtype_code = dtype_code;
  copy_shape(shape, entry);
  return entry;
}

BundleHeader parse_header(std::string_view value) {
  if (kind_of_header(value) == TableKind::v1) {
    throw Error(ErrorCode::corrupt, "v1_checkpoint",
                "the file of a V1 checkpoint, under the name of a V2 index");
  }
  wire::BundleHeader message;
  if (!parse(message, value)) throw Error(ErrorCode::corrupt, "header", "malformed header entry");
  check_version(message.version());
  if (message.num_shards() < 0) {
    throw Error(ErrorCode::corrupt, "header", std::to_string(message.num_shards()) + " shards");
  }
  if (message.endianness() != 0 && message.endianness() != 1) {
    throw Error(ErrorCode::unsupported, "endianness",
                "byte order number " + std::to_string(message.endianness()) +
                    "; known are 0 (little) and 1 (big)");
  }
  return {message.num_shards(), message.endianness() == 1 ? std::endian::big : std::endian::little,
          message.version().producer()};
}

bool BundleEntry::is_plain() const {
  if (slices.empty()) return true;
  return slices.size() == 1 && slices[0].size() == dims.size() &&
         std::all_of(slices[0].begin(), slices[0].end(),
                     [](const SliceExtent& extent) { return extent == SliceExtent{}; });
}

Shape shape_of(const BundleEntry& entry, std::uint64_t most_rank) {
  if (entry.unknown_rank) throw Error(ErrorCode::corrupt, "shape", "a shape of unknown rank");
  if (entry.dims.size() > most_rank) {
    throw Error(ErrorCode::unsupported, "rank",
                "rank " + std::to_string(entry.dims.size()) + "; at most " +
                    std::to_string(most_rank) + " is read");
  }
  Shape shape;
  shape.reserve(entry.dims.size());
  for (const std::int64_t dim : entry.dims) {
    if (dim < 0) {
      throw Error(ErrorCode::corrupt, "shape",
                  "dimension " + std::to_string(shape.size()) + " is " + std::to_string(dim));
    }
    shape.push_back(static_cast<std::uint64_t>(dim));
  }
  try {
    element_count(shape);
  } catch (const Error&) {
    throw Error(ErrorCode::corrupt, "shape",
                "the elements of shape " + to_string(shape) + " are too many to count");
  }
  return shape;
}

void check_dtype(std::int32_t code) {
  const DType dtype = dtype_of_code(code);
  if (code == 0) throw Error(ErrorCode::corrupt, "dtype", "dtype number 0, which is no type");
  if (dtype == DType::unknown) {
    throw Error(ErrorCode::unsupported, "dtype", "unknown dtype number " + std::to_string(code));
  }
  if (dtype == DType::resource) {
    throw Error(ErrorCode::unsupported, "dtype",
                "dtype number " + std::to_string(code) + ": a resource handle has no values");
  }
}

}  // namespace tensorferry::tensorflow
