// An HDF5 file without the elements of its tensors but for strings, made in memory:
//
//   | superblock | collections of strings, object headers of datasets and groups, tables of links,
//   | room for the trees of chunks |
//
// Headers stand in the order of the paths, a group behind what is in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "group_writer.h"
#include "heap_writer.h"
#include "superblock.h"
#include "tensorferry/manifest.h"
#include "write_options.h"

namespace tensorferry::hdf5 {

class FileImage {
 public:
  /// `expected_bytes`: a guess, for memory.
  FileImage(std::size_t expected_bytes, HalfNode half_node);
  FileImage(const FileImage&) = delete;
  FileImage& operator=(const FileImage&) = delete;

  /// Datasets come in the order of StoredPaths, and paths must stay valid. Attributes have their
  /// stored names. Elements of `bytes` bytes will lie elsewhere: returns where their address is to
  /// be set.
  std::uint64_t add_dataset(std::string_view path, DType dtype, const Shape& shape,
                            std::uint64_t bytes, const Attributes& attributes);
  /// Elements in chunks, whose tree gets its address.
  void add_chunked(std::string_view path, DType dtype, ChunkTree& tree,
                   const Compression& compression, const Attributes& attributes);
  /// Of strings, which are UTF-8 without NUL where `as_text`.
  void add_strings(std::string_view path, const Shape& shape, const std::vector<std::string>& texts,
                   bool as_text, const Attributes& attributes);

  /// Adds the root group with its attributes. Afterwards the size and addresses may be set.
  void finish(const Attributes& attributes);
  std::uint64_t size() const { return bytes_.size(); }
  const Superblock& superblock() const { return superblock_; }
  void set_address(std::uint64_t place, std::uint64_t address);
  /// The bytes of the image; the file ends at `end`.
  std::string take(std::uint64_t end);

 private:
  struct PlacedAttribute {
    std::string_view name, type;
    std::string element;
  };

  /// A dataset whose header has also what `add_storage` adds.
  template <typename AddStorage>
  void add(std::string_view path, const Shape& shape, std::string_view type,
           const std::vector<PlacedAttribute>& attributes, AddStorage add_storage);
  std::vector<PlacedAttribute> place(const Attributes& attributes);
  static void add_attributes(HeaderWriter& header, const std::vector<PlacedAttribute>& attributes);
  std::string stored(std::string_view value, bool as_text);

  Superblock superblock_;
  std::string bytes_;
  HeapWriter heap_;
  GroupWriter groups_;
};

}  // namespace tensorferry::hdf5
