#include "dataset_layout.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "chunks.h"
#include "global_heap.h"
#include "object_header.h"
#include "tensorferry/error.h"
#include "util/deflate.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::string_view kReading = "read the layout of a dataset";
// What a small file may claim to hold.
constexpr std::uint64_t kFreeBytes = std::uint64_t{4} << 30;

struct NamedFilter {
  H5Z_filter_t id;
  std::string_view name;
};

// The HDF Group's registry of filters.
constexpr std::array kNames{
    NamedFilter{4, "szip"},      NamedFilter{5, "nbit"},     NamedFilter{6, "scaleoffset"},
    NamedFilter{305, "lzo"},     NamedFilter{307, "bzip2"},  NamedFilter{32000, "lzf"},
    NamedFilter{32001, "blosc"}, NamedFilter{32004, "lz4"},  NamedFilter{32008, "bitshuffle"},
    NamedFilter{32013, "zfp"},   NamedFilter{32015, "zstd"}, NamedFilter{32026, "blosc2"},
};

std::string filter_name(H5Z_filter_t id, std::string_view stored) {
  for (const NamedFilter& known : kNames) {
    if (known.id == id) return std::string(known.name);
  }
  return stored.empty() ? "not known" : printable(stored);
}

// The library sets the values of shuffle for elements of a fixed size only (`sized`); for others it
// leaves the filter out, chunk by chunk.
Filter filter_at(hid_t creation, unsigned index, bool sized) {
  std::array<unsigned, 8> values{};
  std::size_t count = values.size();
  std::array<char, 64> name{};
  unsigned flags = 0, config = 0;
  const H5Z_filter_t id = readable(H5Pget_filter2(creation, index, &flags, &count, values.data(),
                                                  name.size(), name.data(), &config),
                                   "read a filter");
  switch (id) {
    case H5Z_FILTER_DEFLATE:
      return {Filter::Kind::deflate};
    case H5Z_FILTER_SHUFFLE:
      if (sized && (count != 1 || values[0] == 0))
        throw Error(ErrorCode::corrupt, "filter",
                    "its shuffle filter does not say of how many bytes");
      return {Filter::Kind::shuffle, values[0]};
    case H5Z_FILTER_FLETCHER32:
      return {Filter::Kind::fletcher32};
    default:
      throw Error(ErrorCode::unsupported, "filter",
                  "it is stored through the filter " + std::to_string(id) + " (" +
                      filter_name(id, std::string(name.data(), name.size() - 1).c_str()) +
                      "); gzip, shuffle and fletcher32 are read");
  }
}

std::vector<Filter> filters_of(hid_t creation, bool sized) {
  const int count = readable(H5Pget_nfilters(creation), "read the filters of a dataset");
  std::vector<Filter> filters;
  unsigned deflates = 0;
  for (int i = 0; i < count; ++i) {
    filters.push_back(filter_at(creation, static_cast<unsigned>(i), sized));
    deflates += filters.back().kind == Filter::Kind::deflate;
  }
  if (deflates > 1 || filters.size() > 32)
    throw Error(ErrorCode::unsupported, "filter", "it is compressed more than once");
  return filters;
}

// Elements of memory are asked of the type's own bytes: nothing is converted.
std::vector<std::byte> fill_value(hid_t creation, hid_t type, std::uint64_t element_bytes) {
  std::vector<std::byte> fill(element_bytes);
  H5D_fill_value_t defined = H5D_FILL_VALUE_UNDEFINED;
  readable(H5Pfill_value_defined(creation, &defined), "read a fill value");
  if (defined == H5D_FILL_VALUE_USER_DEFINED)
    readable(H5Pget_fill_value(creation, type, fill.data()), "read a fill value");
  return fill;
}

[[noreturn]] void never_written(const std::string& what) {
  throw Error(ErrorCode::corrupt, "never_written",
              what + " never written; --in-opt allow_fill=true reads the fill value there");
}

void refuse_bomb(hid_t dataset, std::uint64_t bytes) {
  if (bytes <= kFreeBytes) return;
  const std::uint64_t stored = H5Dget_storage_size(dataset);
  if (bytes / kMostInflation <= stored) return;
  throw Error(ErrorCode::unsafe, "limit",
              "declares " + std::to_string(bytes) + " bytes and stores " + std::to_string(stored));
}

Shape chunk_of(hid_t creation, const Shape& shape) {
  std::array<hsize_t, H5S_MAX_RANK> extents{};
  const int rank = readable(H5Pget_chunk(creation, H5S_MAX_RANK, extents.data()), kReading);
  if (static_cast<std::size_t>(rank) != shape.size())
    throw Error(ErrorCode::corrupt, "hdf5", "its chunks have another rank than its shape");
  Shape chunk(extents.begin(), extents.begin() + rank);
  for (std::uint64_t extent : chunk) {
    if (extent == 0) throw Error(ErrorCode::corrupt, "hdf5", "its chunks are empty");
  }
  return chunk;
}

void check_chunks_are_there(hid_t dataset, const Shape& shape, const Shape& chunk) {
  Shape counts;
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    counts.push_back(parts_of(shape[axis], chunk[axis]));
  const std::uint64_t wanted = element_count(counts);
  const Handle space = readable_handle(H5Dget_space(dataset), H5Sclose, "read a shape");
  hsize_t found = 0;
  readable(H5Dget_num_chunks(dataset, space.id(), &found), "count chunks");
  if (found < wanted) {
    never_written(std::to_string(wanted - found) + " of its " + std::to_string(wanted) +
                  " chunks were");
  }
}

FileRange chunks_of(const SharedFile& shared, hid_t dataset, hid_t creation, Placement placement,
                    const DatasetOptions& options) {
  placement.chunk = chunk_of(creation, placement.shape);
  unsigned chunk_options = 0;
  readable(H5Pget_chunk_opts(creation, &chunk_options), kReading);
  placement.plain_edges = (chunk_options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS) != 0;
  if (!options.allow_fill) check_chunks_are_there(dataset, placement.shape, placement.chunk);
  auto file = chunked_file(shared, std::move(placement));
  const std::uint64_t bytes = file->size();
  return {std::move(file), 0, bytes};
}

FileRange contiguous(const SharedFile& shared, hid_t dataset, const Placement& placement,
                     std::uint64_t bytes) {
  const haddr_t offset = H5Dget_offset(dataset);
  if (offset != HADDR_UNDEF) {
    const std::uint64_t stored = H5Dget_storage_size(dataset);
    if (stored < bytes) {
      throw Error(ErrorCode::corrupt, "size",
                  to_string(placement.shape) + " takes " + std::to_string(bytes) +
                      " bytes, stored are " + std::to_string(stored));
    }
    return {shared.payload, offset, bytes};
  }
  if (placement.fill.empty()) never_written("it was");
  return {fill_file(shared, placement.fill, bytes), 0, bytes};
}

FileRange outside_header(const SharedFile& shared, hid_t dataset, hid_t creation,
                         Placement placement, const DatasetOptions& options) {
  const std::uint64_t bytes =
      checked_multiply(element_count(placement.shape), placement.element_bytes);
  refuse_bomb(dataset, bytes);
  switch (readable(H5Pget_layout(creation), kReading)) {
    case H5D_CONTIGUOUS:
      return contiguous(shared, dataset, placement, bytes);
    case H5D_CHUNKED:
      return chunks_of(shared, dataset, creation, std::move(placement), options);
    default:
      throw Error(ErrorCode::unsupported, "layout", "its layout is not known");
  }
}

std::vector<HeaderMessage> header_of(hid_t dataset, haddr_t address) {
  const Source source = source_of(dataset);
  return object_header(*source.file, source.base, address);
}

}  // namespace

void refuse_foreign_storage(hid_t creation) {
  const H5D_layout_t layout = readable(H5Pget_layout(creation), kReading);
  if (layout == H5D_VIRTUAL) {
    throw Error(ErrorCode::unsafe, "virtual",
                "it is a virtual dataset: its elements lie in other files, which are never opened");
  }
  if (layout == H5D_CONTIGUOUS && readable(H5Pget_external_count(creation), kReading) > 0) {
    throw Error(ErrorCode::unsafe, "external",
                "its elements lie in another file, which is never opened");
  }
}

FileRange elements_of(const SharedFile& shared, hid_t dataset, hid_t type, haddr_t address,
                      const Shape& shape, std::uint64_t element_bytes,
                      const DatasetOptions& options) {
  const Handle creation =
      readable_handle(H5Dget_create_plist(dataset), H5Pclose, "read the settings of a dataset");
  Placement placement{address, shape, element_bytes, {}, filters_of(creation.id(), true),
                      false,   {}};
  if (options.allow_fill) placement.fill = fill_value(creation.id(), type, element_bytes);
  if (readable(H5Pget_layout(creation.id()), kReading) != H5D_COMPACT)
    return outside_header(shared, dataset, creation.id(), std::move(placement), options);
  const std::uint64_t bytes = checked_multiply(element_count(shape), element_bytes);
  // A message of an object header ends at 64 KiB.
  if (bytes >= 65536 || H5Dget_storage_size(dataset) < bytes)
    throw Error(ErrorCode::corrupt, "size", "it is too large to lie in its object header");
  return {compact_file(shared, placement), 0, bytes};
}

FileRange references_of(const SharedFile& shared, hid_t dataset, haddr_t address,
                        const Shape& shape, const DatasetOptions& options) {
  const Handle creation =
      readable_handle(H5Dget_create_plist(dataset), H5Pclose, "read the settings of a dataset");
  const auto messages = header_of(dataset, address);
  Placement placement{address, shape, HeapReference::kBytes, {}, filters_of(creation.id(), false),
                      false,   {}};
  if (options.allow_fill) {
    placement.fill.resize(HeapReference::kBytes);
    if (const auto fill = stored_fill(messages))
      std::memcpy(placement.fill.data(), fill->data(),
                  std::min(fill->size(), placement.fill.size()));
  }
  if (readable(H5Pget_layout(creation.id()), kReading) != H5D_COMPACT)
    return outside_header(shared, dataset, creation.id(), std::move(placement), options);
  const std::uint64_t bytes = checked_multiply(element_count(shape), HeapReference::kBytes);
  const auto stored = stored_compact(messages);
  if (!stored || stored->size() < bytes)
    throw Error(ErrorCode::corrupt, "size", "its object header does not hold its elements");
  return {memory_file(shared.payload->name(), stored->substr(0, bytes)), 0, bytes};
}

void check_fill_value(hid_t dataset, haddr_t address) {
  const Handle type = readable_handle(H5Dget_type(dataset), H5Tclose, "read a type");
  const H5T_class_t kind = H5Tget_class(type.id());
  const bool text = kind == H5T_STRING;
  if (text && readable(H5Tis_variable_str(type.id()), kReading) == 0) return;
  bool variable = false;
  for (const H5T_class_t part : {H5T_VLEN, H5T_STRING, H5T_REFERENCE})
    variable = variable || readable(H5Tdetect_class(type.id(), part), kReading) > 0;
  if (!variable) return;
  const auto messages = header_of(dataset, address);
  const auto fill = stored_fill(messages);
  if (!fill) return;
  bool bytes = text;
  if (kind == H5T_VLEN) {
    const Handle base = readable_handle(H5Tget_super(type.id()), H5Tclose, "read a type");
    bytes = H5Tget_class(base.id()) == H5T_INTEGER && H5Tget_size(base.id()) == 1;
  }
  if (!bytes)
    throw Error(ErrorCode::unsupported, "dtype", "its HDF5 type has parts of variable length");
  if (fill->size() != HeapReference::kBytes)
    throw Error(ErrorCode::corrupt, "size", "its fill value has another size than its elements");
  const Source source = source_of(dataset);
  GlobalHeap(*source.file, source.base).value(HeapReference::at(fill->data()));
}

}  // namespace tensorferry::hdf5
