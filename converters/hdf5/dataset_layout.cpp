#include "dataset_layout.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "chunk_table.h"
#include "chunks.h"
#include "encoded_type.h"
#include "global_heap.h"
#include "szip.h"
#include "tensorferry/error.h"
#include "util/deflate.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::string_view kReading = "read the layout of a dataset";
// What a small file may claim to hold.
constexpr std::uint64_t kFreeBytes = std::uint64_t{4} << 30;

constexpr std::string_view kNothingWritten = "its elements were";

constexpr H5Z_filter_t kLzf = 32000;

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
    case H5Z_FILTER_SZIP:
      return szip_filter({values.data(), std::min(count, values.size())});
    case kLzf:
      return {Filter::Kind::lzf};
    default:
      throw Error(ErrorCode::unsupported, "filter",
                  "it is stored through the filter " + std::to_string(id) + " (" +
                      filter_name(id, std::string(name.data(), name.size() - 1).c_str()) +
                      "); gzip, lzf, szip, shuffle and fletcher32 are read");
  }
}

std::vector<Filter> filters_of(hid_t creation, bool sized) {
  const int count = readable(H5Pget_nfilters(creation), "read the filters of a dataset");
  std::vector<Filter> filters;
  filters.reserve(static_cast<std::size_t>(std::max(count, 0)));
  for (int i = 0; i < count; ++i)
    filters.push_back(filter_at(creation, static_cast<unsigned>(i), sized));
  check_filters(filters);
  return filters;
}

std::string fill_value(const DatasetHeader& header, const StoredFill& stored) {
  std::string fill(header.type.bytes, '\0');
  if (stored.undefined || stored.never || !stored.value) return fill;
  if (stored.value->size() != fill.size())
    throw Error(ErrorCode::corrupt, "size", "its fill value has another size than its elements");
  std::memcpy(fill.data(), stored.value->data(), fill.size());
  return fill;
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

// Damaged extents must not have fill values made for minutes. A chunk that is not there costs some
// microseconds to look for.
void refuse_mostly_fill(std::uint64_t stored, std::uint64_t bytes, std::uint64_t found,
                        std::uint64_t missing) {
  constexpr std::uint64_t kFreeFill = std::uint64_t{1} << 30, kFreeChunks = 1 << 17, kRatio = 8;
  const bool few_bytes = bytes <= kFreeFill || bytes / kMostInflation <= stored;
  const bool few_chunks = missing <= kFreeChunks || missing / kRatio <= found;
  if (few_bytes && few_chunks) return;
  throw Error(ErrorCode::unsafe, "limit",
              "declares " + std::to_string(bytes) + " bytes" +
                  (missing > 0 ? " in " + std::to_string(missing) + " chunks" : std::string()) +
                  " that were never written, and stores " + std::to_string(stored));
}

std::uint64_t stored_chunks(hid_t dataset) {
  const Handle space = readable_handle(H5Dget_space(dataset), H5Sclose, "read a shape");
  hsize_t found = 0;
  readable(H5Dget_num_chunks(dataset, space.id(), &found), "count chunks");
  return found;
}

void never_written(StoredElements& elements, std::uint64_t bytes) {
  refuse_mostly_fill(0, bytes, 0, 0);
  elements.where.place = Elements::Place::unwritten;
  elements.never_written = kNothingWritten;
}

std::uint64_t chunks_in(const Shape& shape, const Shape& chunk) {
  Shape counts;
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    counts.push_back(parts_of(shape[axis], chunk[axis]));
  return element_count(counts);
}

void place_chunks(StoredElements& elements, hid_t dataset, hid_t creation, std::uint64_t bytes) {
  Elements& where = elements.where;
  where.place = Elements::Place::chunked;
  where.chunk = chunk_of(creation, where.shape);
  unsigned chunk_options = 0;
  readable(H5Pget_chunk_opts(creation, &chunk_options), kReading);
  where.plain_edges = (chunk_options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS) != 0;
  const std::uint64_t wanted = chunks_in(where.shape, where.chunk), stored = stored_chunks(dataset);
  if (stored == 0) return never_written(elements, bytes);
  if (stored < wanted) {
    const std::uint64_t missing = wanted - stored,
                        chunk_bytes =
                            checked_multiply(element_count(where.chunk), where.element_bytes);
    refuse_mostly_fill(H5Dget_storage_size(dataset),
                       std::min(checked_multiply(missing, chunk_bytes), bytes), stored, missing);
  }
  where.chunks = find_chunks(dataset, where.shape, where.chunk);
  if (const std::uint64_t missing = wanted - where.chunks.size(); missing > 0) {
    elements.never_written = std::to_string(missing) + " of its " + std::to_string(wanted) +
                             " chunks " + (missing == 1 ? "was" : "were");
  }
}

void place_contiguous(StoredElements& elements, hid_t dataset, std::uint64_t bytes) {
  Elements& where = elements.where;
  const haddr_t offset = H5Dget_offset(dataset);
  if (offset == HADDR_UNDEF) return never_written(elements, bytes);
  const std::uint64_t stored = H5Dget_storage_size(dataset);
  if (stored < bytes) {
    throw Error(ErrorCode::corrupt, "size",
                to_string(where.shape) + " takes " + std::to_string(bytes) + " bytes, stored are " +
                    std::to_string(stored));
  }
  where.place = Elements::Place::contiguous;
  where.offset = offset;
}

void place_compact(Elements& where, const DatasetHeader& header, std::uint64_t bytes) {
  const auto stored = stored_compact(header.messages);
  if (!stored || stored->size() < bytes)
    throw Error(ErrorCode::corrupt, "size", "its object header does not hold its elements");
  where.place = Elements::Place::compact;
  where.compact = stored->substr(0, bytes);
}

const HeaderMessage& type_message(const std::vector<HeaderMessage>& messages) {
  for (const HeaderMessage& message : messages) {
    if (message.type == HeaderMessage::kType) return message;
  }
  throw Error(ErrorCode::corrupt, "hdf5", "its object header has no type");
}

Datatype type_of(hid_t dataset, const Source& source, const std::vector<HeaderMessage>& messages) {
  const HeaderMessage& message = type_message(messages);
  if (!message.shared) return parse_datatype(message.data);
  const auto address = shared_with(message.data);
  if (!address) {
    // It lies in a table of the file, which the library knows.
    const Handle type = readable_handle(H5Dget_type(dataset), H5Tclose, "read a type");
    return encoded_type(type.id());
  }
  const auto named = object_header(*source.file, source.base, *address);
  const HeaderMessage& type = type_message(named);
  if (type.shared) throw Error(ErrorCode::corrupt, "hdf5", "its type is shared in circles");
  return parse_datatype(type.data);
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

DatasetHeader::DatasetHeader(hid_t id, haddr_t at) : dataset(id), address(at) {
  const Source source = source_of(id);
  base = source.base;
  messages = object_header(*source.file, base, address);
  type = type_of(id, source, messages);
}

StoredElements elements_of(const DatasetHeader& header, const Shape& shape) {
  const Handle creation = readable_handle(H5Dget_create_plist(header.dataset), H5Pclose,
                                          "read the settings of a dataset");
  const StoredFill fill = stored_fill(header.messages);
  StoredElements elements;
  Elements& where = elements.where;
  where.shape = shape;
  where.element_bytes = header.type.bytes;
  where.filters = filters_of(creation.id(), !header.type.has_references());
  where.fill = fill_value(header, fill);
  const std::uint64_t bytes = where.bytes();
  const H5D_layout_t layout = readable(H5Pget_layout(creation.id()), kReading);
  if (layout == H5D_COMPACT) {
    place_compact(where, header, bytes);
    return elements;
  }
  refuse_bomb(header.dataset, bytes);
  if (layout == H5D_CONTIGUOUS) {
    place_contiguous(elements, header.dataset, bytes);
  } else if (layout == H5D_CHUNKED) {
    place_chunks(elements, header.dataset, creation.id(), bytes);
  } else {
    throw Error(ErrorCode::unsupported, "layout", "its layout is not known");
  }
  elements.has_fill = !fill.undefined && !fill.never;
  // The library refuses it, too.
  if (elements.never_written == kNothingWritten && fill.undefined && !fill.never) {
    throw Error(ErrorCode::corrupt, "never_written",
                "its elements were never written, and no fill value is defined");
  }
  return elements;
}

void check_fill_value(const DatasetHeader& header) {
  if (!header.type.has_references()) return;
  const auto fill = stored_fill(header.messages).value;
  if (!fill) return;
  const Datatype* element = &header.type;
  while (element->kind == Datatype::Class::array) element = &element->parts.front();
  if (element->kind != Datatype::Class::variable || element->parts.front().bytes != 1 ||
      element->parts.front().has_references())
    throw Error(ErrorCode::unsupported, "dtype", "its HDF5 type has parts of variable length");
  if (fill->size() != header.type.bytes || fill->size() % HeapReference::kBytes != 0)
    throw Error(ErrorCode::corrupt, "size", "its fill value has another size than its elements");
  const Source source = source_of(header.dataset);
  GlobalHeap heap(*source.file, source.base);
  for (std::size_t at = 0; at < fill->size(); at += HeapReference::kBytes)
    heap.value(HeapReference::at(fill->data() + at));
}

}  // namespace tensorferry::hdf5
