// What the process that asks HDF5's library (survey.h) says of a dataset: plain data, and the bytes
// in which it goes to the one that reads the elements.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "filters.h"
#include "keras.h"
#include "stored_types.h"
#include "tensorferry/manifest.h"
#include "util/parcel.h"

namespace tensorferry::hdf5 {

/// Where a chunk lies in the file.
struct ChunkPlace {
  /// Which one it is, row-major.
  std::uint64_t index = 0;
  std::uint64_t address = 0;
  std::uint32_t bytes = 0;
  /// A bit for each filter that was left out.
  std::uint32_t skipped = 0;
};

/// Where the elements of a dataset lie, row-major.
struct Elements {
  enum class Place : std::uint8_t {
    none,        ///< there are no elements
    contiguous,  ///< at `offset` in the file
    compact,     ///< here
    unwritten,   ///< each is the fill value
    chunked,     ///< in chunks; those that are not listed hold the fill value
  } place = Place::none;
  Shape shape = {};
  std::uint64_t element_bytes = 1;
  std::uint64_t offset = 0;
  std::string compact = {};
  /// One element.
  std::string fill = {};
  /// Of chunked ones: the extents of a chunk, as many as the shape has.
  Shape chunk = {};
  /// In the order in which they were applied.
  std::vector<Filter> filters = {};
  /// Chunks that stand out of the shape are not filtered.
  bool plain_edges = false;
  /// By index.
  std::vector<ChunkPlace> chunks = {};

  std::uint64_t bytes() const { return checked_multiply(element_count(shape), element_bytes); }
};

struct DescribedDataset {
  std::string name;
  DType dtype = DType::unknown;
  Shape shape;
  bool big_endian = false;
  Attributes attributes;
  StoredType::Form form = StoredType::Form::elements;
  /// Of fixed_text: of one string.
  std::uint64_t text_bytes = 0;
  TextPadding padding = TextPadding::terminated;
  /// Of rows: a string ends before its first NUL, and where addresses count from.
  bool ends_at_nul = false;
  std::uint64_t base = 0;
  Elements elements;
  /// What a tag says that the dtype is.
  std::optional<std::string> dtype_tag;
  /// Why it cannot be read; then the rest may be missing.
  std::optional<Error> problem;
};

void put(ParcelWriter& parcel, const DescribedDataset& dataset);
void put(ParcelWriter& parcel, const Attributes& attributes);
void put(ParcelWriter& parcel, const Note& note);
void put(ParcelWriter& parcel, const KerasLayout& layout);

/// These check what they take: every number stands for something, chunks are in order and inside
/// the shape, and nothing is allocated that was not sent. They throw Error(corrupt), or
/// Error(unsupported.filter) for filters that cannot be undone.
DescribedDataset take_dataset(ParcelReader& parcel);
Attributes take_attributes(ParcelReader& parcel);
Note take_note(ParcelReader& parcel);
KerasLayout take_keras(ParcelReader& parcel);

}  // namespace tensorferry::hdf5
