#include "description.h"

#include "chunks.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::size_t kNumber = 8;

template <typename Enum>
std::uint64_t code_of(Enum value) {
  return static_cast<std::uint64_t>(value);
}

/// One of an enumeration whose last value is `last`.
template <typename Enum>
Enum take_code(ParcelReader& parcel, Enum last) {
  return static_cast<Enum>(parcel.number(code_of(last)));
}

void put(ParcelWriter& parcel, const Shape& shape) {
  parcel.number(shape.size());
  for (const std::uint64_t extent : shape) parcel.number(extent);
}

Shape take_shape(ParcelReader& parcel) {
  Shape shape(parcel.count(kNumber));
  for (std::uint64_t& extent : shape) extent = parcel.number();
  return shape;
}

void put(ParcelWriter& parcel, const Filter& filter) {
  parcel.number(code_of(filter.kind)).number(filter.element_bytes);
  const Filter::Szip& szip = filter.szip;
  parcel.number(szip.options).number(szip.block).number(szip.bits).number(szip.scanline);
}

std::uint32_t take_small(ParcelReader& parcel) {
  return static_cast<std::uint32_t>(parcel.number(UINT32_MAX));
}

Filter take_filter(ParcelReader& parcel) {
  Filter filter{take_code(parcel, Filter::Kind::szip)};
  filter.element_bytes = take_small(parcel);
  filter.szip.options = take_small(parcel);
  filter.szip.block = take_small(parcel);
  filter.szip.bits = take_small(parcel);
  filter.szip.scanline = take_small(parcel);
  return filter;
}

void put(ParcelWriter& parcel, const ChunkPlace& chunk) {
  parcel.number(chunk.index).number(chunk.address);
  parcel.number(chunk.bytes | static_cast<std::uint64_t>(chunk.skipped) << 32);
}

ChunkPlace take_chunk(ParcelReader& parcel) {
  const std::uint64_t index = parcel.number(), address = parcel.number(), rest = parcel.number();
  return {index, address, static_cast<std::uint32_t>(rest), static_cast<std::uint32_t>(rest >> 32)};
}

[[noreturn]] void malformed(const char* what) { throw Error(ErrorCode::corrupt, "hdf5", what); }

// Products that do not fit throw by themselves.
void check(const Elements& elements) {
  check_filters(elements.filters);
  const std::uint64_t bytes = elements.bytes();
  if (elements.place == Elements::Place::compact && elements.compact.size() != bytes)
    malformed("its object header does not hold its elements");
  const bool filled =
      elements.place == Elements::Place::unwritten || elements.place == Elements::Place::chunked;
  if (filled && (elements.fill.empty() || elements.fill.size() != elements.element_bytes))
    malformed("its fill value has another size than its elements");
  if (elements.place != Elements::Place::chunked) return;
  if (elements.chunk.empty() || elements.chunk.size() != elements.shape.size())
    malformed("its chunks have another rank than its shape");
  Shape counts;
  for (std::size_t axis = 0; axis < elements.shape.size(); ++axis) {
    if (elements.chunk[axis] == 0 || elements.shape[axis] == 0) malformed("its chunks are empty");
    counts.push_back(parts_of(elements.shape[axis], elements.chunk[axis]));
  }
  checked_multiply(element_count(elements.chunk), elements.element_bytes);
  const std::uint64_t all = element_count(counts);
  std::uint64_t least = 0;
  for (const ChunkPlace& chunk : elements.chunks) {
    if (chunk.index < least || chunk.index >= all) malformed("its chunks are in no order");
    least = chunk.index + 1;
  }
}

void put(ParcelWriter& parcel, const Elements& elements) {
  parcel.number(code_of(elements.place));
  put(parcel, elements.shape);
  parcel.number(elements.element_bytes).number(elements.offset);
  parcel.text(elements.compact).text(elements.fill);
  put(parcel, elements.chunk);
  parcel.number(elements.filters.size());
  for (const Filter& filter : elements.filters) put(parcel, filter);
  parcel.number(elements.plain_edges ? 1 : 0);
  parcel.number(elements.chunks.size());
  for (const ChunkPlace& chunk : elements.chunks) put(parcel, chunk);
}

Elements take_elements(ParcelReader& parcel) {
  Elements elements;
  elements.place = take_code(parcel, Elements::Place::chunked);
  elements.shape = take_shape(parcel);
  elements.element_bytes = parcel.number();
  elements.offset = parcel.number();
  elements.compact = parcel.text();
  elements.fill = parcel.text();
  elements.chunk = take_shape(parcel);
  for (std::size_t left = parcel.count(kNumber); left > 0; --left)
    elements.filters.push_back(take_filter(parcel));
  elements.plain_edges = parcel.flag();
  const std::size_t chunks = parcel.count(3 * kNumber);
  elements.chunks.reserve(chunks);
  for (std::size_t i = 0; i < chunks; ++i) elements.chunks.push_back(take_chunk(parcel));
  return elements;
}

void put(ParcelWriter& parcel, const AttributeValue& value) {
  parcel.number(value.index());
  if (const auto* text = std::get_if<std::string>(&value)) {
    parcel.text(*text);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    parcel.number(static_cast<std::uint64_t>(*integer));
  } else if (const auto* real = std::get_if<double>(&value)) {
    parcel.real(*real);
  } else {
    parcel.number(std::get<bool>(value) ? 1 : 0);
  }
}

AttributeValue take_value(ParcelReader& parcel) {
  switch (parcel.number(std::variant_size_v<AttributeValue> - 1)) {
    case 0:
      return std::string(parcel.text());
    case 1:
      return static_cast<std::int64_t>(parcel.number());
    case 2:
      return parcel.real();
    default:
      return parcel.flag();
  }
}

}  // namespace

void put(ParcelWriter& parcel, const Attributes& attributes) {
  parcel.number(attributes.size());
  for (const auto& [name, value] : attributes) {
    parcel.text(name);
    put(parcel, value);
  }
}

Attributes take_attributes(ParcelReader& parcel) {
  Attributes attributes;
  for (std::size_t left = parcel.count(kNumber); left > 0; --left) {
    std::string name(parcel.text());
    attributes.emplace_hint(attributes.end(), std::move(name), take_value(parcel));
  }
  return attributes;
}

void put(ParcelWriter& parcel, const Note& note) { parcel.text(note.id).text(note.text); }

Note take_note(ParcelReader& parcel) {
  std::string id(parcel.text());
  return {std::move(id), std::string(parcel.text())};
}

void put(ParcelWriter& parcel, const KerasLayout& layout) {
  parcel.number(code_of(layout.kind)).number(layout.weights.size());
  for (const KerasWeight& weight : layout.weights)
    parcel.text(weight.path).text(weight.name).number(code_of(weight.role));
  parcel.number(layout.group_names.size());
  for (const auto& [group, name] : layout.group_names) parcel.text(group).text(name);
}

KerasLayout take_keras(ParcelReader& parcel) {
  KerasLayout layout{take_code(parcel, KerasLayout::Kind::weights), {}, {}};
  layout.weights.resize(parcel.count(3 * kNumber));
  for (KerasWeight& weight : layout.weights) {
    weight.path = parcel.text();
    weight.name = parcel.text();
    weight.role = take_code(parcel, Role::config);
  }
  for (std::size_t left = parcel.count(2 * kNumber); left > 0; --left) {
    std::string group(parcel.text());
    layout.group_names.emplace(std::move(group), parcel.text());
  }
  return layout;
}

void put(ParcelWriter& parcel, const DescribedDataset& dataset) {
  parcel.text(dataset.name).number(code_of(dataset.dtype));
  put(parcel, dataset.shape);
  parcel.number(dataset.big_endian ? 1 : 0);
  put(parcel, dataset.attributes);
  parcel.number(code_of(dataset.form)).number(dataset.text_bytes);
  parcel.number(code_of(dataset.padding)).number(dataset.ends_at_nul ? 1 : 0).number(dataset.base);
  parcel.number(dataset.dtype_tag ? 1 : 0);
  if (dataset.dtype_tag) parcel.text(*dataset.dtype_tag);
  parcel.number(dataset.problem ? 1 : 0);
  if (dataset.problem) {
    parcel.error(*dataset.problem);
  } else {
    put(parcel, dataset.elements);
  }
}

DescribedDataset take_dataset(ParcelReader& parcel) {
  DescribedDataset dataset;
  dataset.name = parcel.text();
  dataset.dtype = take_code(parcel, DType::unknown);
  dataset.shape = take_shape(parcel);
  dataset.big_endian = parcel.flag();
  dataset.attributes = take_attributes(parcel);
  dataset.form = take_code(parcel, StoredType::Form::rows);
  dataset.text_bytes = parcel.number();
  dataset.padding = take_code(parcel, TextPadding::spaces);
  dataset.ends_at_nul = parcel.flag();
  dataset.base = parcel.number();
  if (parcel.flag()) dataset.dtype_tag = parcel.text();
  if (parcel.flag()) {
    dataset.problem = parcel.error();
    return dataset;
  }
  dataset.elements = take_elements(parcel);
  check(dataset.elements);
  return dataset;
}

}  // namespace tensorferry::hdf5
