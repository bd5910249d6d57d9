// From the entries of an index to a Manifest.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bundle.h"
#include "resolve.h"
#include "tensorferry/input.h"
#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

/// Is fed the entries in the order of their keys: the header, then slices, then tensors.
class ManifestBuilder {
 public:
  /// `entries` of the index, the header included: room for them is made once. Throws
  /// Error(unsafe.limit) for too many tensors.
  ManifestBuilder(const Input& input, const Resolved& resolved, const Limits& limits,
                  std::uint64_t entries);

  /// Throws Error(corrupt.header) when the first key is not the empty one, and what parse_header
  /// throws. What is wrong with one tensor becomes its problem.
  void add(std::string_view key, std::string_view value);

  /// The manifest, tensors in the order of their keys. Throws Error(corrupt.header) when there was
  /// no entry at all.
  Manifest finish() &&;

 private:
  /// A data file, opened when the first entry needs it.
  struct Shard {
    std::shared_ptr<const File> file;
    std::optional<Error> error;  ///< why there is none
    std::uint64_t used_end = 0;  ///< behind the last byte of any tensor
  };
  /// The entry of a slice, kept until the tensor that lists it comes.
  struct SliceEntry {
    std::string value;
    bool used = false;
  };

  void parse(std::string_view value, BundleEntry& entry) const;
  void add_header(std::string_view key, std::string_view value);
  void fill(Tensor& tensor, const BundleEntry& entry);
  void fill_slices(Tensor& tensor, const BundleEntry& entry);
  Piece slice_piece(const Tensor& tensor, const BundleEntry& whole, const Slice& slice,
                    const Shape& extent);
  /// The bytes of an entry in a piece without a box.
  void place(const BundleEntry& entry, DType dtype, const Shape& shape, Piece& piece);
  FileRange range_of(const BundleEntry& entry);
  Shard& shard_of(const BundleEntry& entry);
  /// Says where tensors without elements would lie, in data files that are open anyway.
  void place_empty();
  void list_orphans();
  void note_shards();

  const Input& input_;
  const Resolved& resolved_;
  const Limits& limits_;
  BundleEntry entry_;  ///< the last one that was parsed
  std::optional<BundleHeader> header_;
  std::map<std::int32_t, Shard> shards_;
  std::unordered_map<std::string, SliceEntry> slices_;
  /// Tensors without elements: index, shard, offset and size as the entry has them.
  struct Empty {
    std::size_t tensor;
    std::int32_t shard;
    std::int64_t offset, size;
  };
  std::vector<Empty> empty_;
  Manifest manifest_;
};

/// Whether an entry of that name is no weight: the object graph, Keras configuration.
bool is_bookkeeping(std::string_view name);

/// A file of the checkpoint that is not there, as a tensor without type: what was in it is unknown.
Tensor missing_file(const std::string& name);

/// A piece of no elements: no data file is needed, not even one that is there.
Piece empty_piece(DType dtype);

}  // namespace tensorferry::tensorflow
