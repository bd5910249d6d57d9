#include "file_image.h"

#include <bit>

#include "datatypes.h"
#include "names.h"
#include "util/fields.h"

namespace tensorferry::hdf5 {

FileImage::FileImage(std::size_t expected_bytes, HalfNode half_node)
    : heap_(bytes_), groups_(bytes_) {
  superblock_.half_node = half_node;
  bytes_.reserve(expected_bytes);
  bytes_.resize(superblock_.bytes());
}

template <typename AddStorage>
void FileImage::add(std::string_view path, const Shape& shape, std::string_view type,
                    const std::vector<PlacedAttribute>& attributes, AddStorage add_storage) {
  HeaderWriter header(bytes_);
  header.add_space(shape);
  header.add_type(type);
  add_storage(header);
  add_attributes(header, attributes);
  groups_.add(path, header.finish());
}

std::uint64_t FileImage::add_dataset(std::string_view path, DType dtype, const Shape& shape,
                                     std::uint64_t bytes, const Attributes& attributes) {
  std::uint64_t address = 0;
  add(path, shape, element_datatype(dtype), place(attributes), [&](HeaderWriter& header) {
    header.add_fill(Allocation::early_unfilled);
    address = header.add_contiguous(bytes);
  });
  return address;
}

void FileImage::add_chunked(std::string_view path, DType dtype, ChunkTree& tree,
                            const Compression& compression, const Attributes& attributes) {
  const std::vector<PlacedAttribute> placed = place(attributes);
  pad(bytes_);
  tree.address = bytes_.size();
  bytes_.resize(tree.address + tree.bytes(superblock_.half_node));
  add(path, tree.shape, element_datatype(dtype), placed, [&](HeaderWriter& header) {
    header.add_fill(Allocation::by_chunk);
    header.add_filters(compression.shuffle ? tree.element_bytes : 0, compression.level);
    header.add_chunks(tree.chunk, tree.element_bytes, tree.root(superblock_.half_node));
  });
}

void FileImage::add_strings(std::string_view path, const Shape& shape,
                            const std::vector<std::string>& texts, bool as_text,
                            const Attributes& attributes) {
  std::string references;
  references.reserve(texts.size() * HeapReference::kBytes);
  for (const std::string& text : texts) references += stored(text, as_text);
  const std::vector<PlacedAttribute> placed = place(attributes);
  pad(bytes_);
  const std::uint64_t begin = bytes_.size();
  bytes_ += references;
  add(path, shape, as_text ? text_datatype() : bytes_datatype(), placed, [&](HeaderWriter& header) {
    header.add_fill(Allocation::late_filled);
    const std::uint64_t address = header.add_contiguous(references.size());
    if (!references.empty()) set_address(address, begin);
  });
}

void FileImage::finish(const Attributes& attributes) {
  const std::vector<PlacedAttribute> placed = place(attributes);
  heap_.finish();
  superblock_.root = groups_.finish([&](HeaderWriter& header) { add_attributes(header, placed); });
}

void FileImage::set_address(std::uint64_t place, std::uint64_t address) {
  put_number(&bytes_[place], address, 8);
}

std::string FileImage::take(std::uint64_t end) {
  superblock_.put(bytes_, end);
  return std::move(bytes_);
}

void FileImage::add_attributes(HeaderWriter& header,
                               const std::vector<PlacedAttribute>& attributes) {
  for (const PlacedAttribute& one : attributes)
    header.add_attribute(one.name, one.type, one.element);
}

// An empty text is an object, an empty row is none: so the library has it.
std::string FileImage::stored(std::string_view value, bool as_text) {
  return (as_text || !value.empty() ? heap_.add(value) : HeapReference()).stored();
}

std::vector<FileImage::PlacedAttribute> FileImage::place(const Attributes& attributes) {
  std::vector<PlacedAttribute> placed;
  placed.reserve(attributes.size());
  for (const auto& [name, value] : attributes) {
    PlacedAttribute one;
    one.name = name;
    if (const auto* text = std::get_if<std::string>(&value)) {
      const bool as_text = is_hdf5_text(*text);
      one.type = as_text ? text_datatype() : bytes_datatype();
      one.element = stored(*text, as_text);
    } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      one.type = element_datatype(DType::int64);
      one.element = Fields<8>().put(static_cast<std::uint64_t>(*integer), 8);
    } else if (const auto* real = std::get_if<double>(&value)) {
      one.type = element_datatype(DType::float64);
      one.element = Fields<8>().put(std::bit_cast<std::uint64_t>(*real), 8);
    } else {
      one.type = element_datatype(DType::boolean);
      one.element = Fields<1>().put(std::get<bool>(value) ? 1 : 0, 1);
    }
    placed.push_back(std::move(one));
  }
  return placed;
}

}  // namespace tensorferry::hdf5
