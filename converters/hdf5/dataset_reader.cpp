#include "dataset_reader.h"

#include <array>

#include "core/carriers.h"
#include "dataset_layout.h"
#include "encoding.h"
#include "names.h"
#include "stored_types.h"
#include "string_rows.h"
#include "util/text.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::string_view kDTypeTag = "tensorferry_dtype", kNameTag = "tensorferry_name",
                           kNameTagBase64 = "tensorferry_name_base64";
constexpr std::string_view kKerasDType = "dtype";

/// Takes a text attribute out of the others.
std::optional<std::string> taken(Attributes& attributes, std::string_view name) {
  const auto found = attributes.find(std::string(name));
  if (found == attributes.end() || !std::holds_alternative<std::string>(found->second))
    return std::nullopt;
  std::string text = std::get<std::string>(std::move(found->second));
  attributes.erase(found);
  return text;
}

struct Tags {
  std::optional<std::string> name, dtype;
};

std::optional<std::string> decoded(const std::string& text) {
  try {
    return base64_decode(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

Tags take_tags(Attributes& attributes) {
  Tags tags;
  tags.dtype = taken(attributes, kDTypeTag);
  tags.name = taken(attributes, kNameTag);
  if (const auto text = taken(attributes, kNameTagBase64); text && !tags.name)
    tags.name = decoded(*text);
  Attributes named;
  for (auto& [name, value] : attributes) named.emplace(attribute_name(name), std::move(value));
  attributes = std::move(named);
  return tags;
}

Shape shape_of(hid_t dataset, bool& null_space) {
  const Handle space = readable_handle(H5Dget_space(dataset), H5Sclose, "read a shape");
  null_space = H5Sget_simple_extent_type(space.id()) == H5S_NULL;
  if (null_space) return {0};
  std::array<hsize_t, H5S_MAX_RANK> extents{};
  const int rank = readable(H5Sget_simple_extent_ndims(space.id()), "read a shape");
  readable(H5Sget_simple_extent_dims(space.id(), extents.data(), nullptr), "read a shape");
  return {extents.begin(), extents.begin() + rank};
}

// What opaque elements are: h5py and Keras keep bfloat16 and others in them.
DType opaque_dtype(const StoredType& stored, hid_t type, Tensor& tensor,
                   const DatasetOptions& options, std::vector<Note>& notes) {
  const auto fits = [&](DType dtype) {
    return is_fixed_size(dtype) && info(dtype).bytes == stored.bytes;
  };
  if (const auto found = tensor.attributes.find(std::string(kKerasDType));
      found != tensor.attributes.end() && std::holds_alternative<std::string>(found->second)) {
    const auto dtype = dtype_from_name(std::get<std::string>(found->second));
    if (dtype && fits(*dtype)) {
      tensor.attributes.erase(found);
      return *dtype;
    }
  }
  if (options.opaque && fits(*options.opaque)) return *options.opaque;
  char* tag = H5Tget_tag(type);
  const std::string label = tag == nullptr ? "" : tag;
  if (tag != nullptr) H5free_memory(tag);
  if (stored.bytes == 2 && (label.empty() || label == "NUMPY:|V2")) {
    notes.push_back({"hdf5.opaque_bfloat16",
                     printable(tensor.name) + " is opaque, 2 bytes an element, as h5py and Keras "
                                              "store bfloat16: taken as that"});
    return DType::bfloat16;
  }
  throw Error(ErrorCode::unsupported, "dtype",
              "it is opaque, " + std::to_string(stored.bytes) + " bytes an element" +
                  (label.empty() ? "" : ", tag " + printable(label)) +
                  ": --in-opt dtype=NAME says what that is");
}

Piece piece_of(FileRange range) {
  Piece piece;
  piece.origin = std::move(range);
  return piece;
}

class DatasetReader {
 public:
  DatasetReader(const SharedFile& shared, hid_t dataset, haddr_t address,
                const DatasetOptions& options, std::vector<Note>& notes)
      : shared_(shared), dataset_(dataset), address_(address), options_(options), notes_(notes) {}

  void read(Tensor& tensor, AttributeBudget& budget) {
    check_fill_value(dataset_, address_);
    {
      const Handle creation = readable_handle(H5Dget_create_plist(dataset_), H5Pclose,
                                              "read the settings of a dataset");
      // Before the shape: that of a virtual dataset may be looked up in other files.
      refuse_foreign_storage(creation.id());
    }
    bool null_space = false;
    tensor.shape = shape_of(dataset_, null_space);
    StoredAttributes attributes = read_attributes(dataset_, budget);
    tensor.attributes = std::move(attributes.scalars);
    const Tags tags = take_tags(tensor.attributes);
    apply_name(tensor, tags);
    for (const Note& note : attributes.notes)
      notes_.push_back({note.id, printable(tensor.name) + ": " + note.text});
    if (attributes.left_out > 0) {
      notes_.push_back({"hdf5.attributes_left_out",
                        printable(tensor.name) + ": " + std::to_string(attributes.left_out) +
                            " attributes are no scalars and are left out"});
    }
    if (null_space) {
      notes_.push_back({"hdf5.null_space", printable(tensor.name) +
                                               " has no extent at all; listed with the shape [0]"});
    }
    const Handle type = readable_handle(H5Dget_type(dataset_), H5Tclose, "read a type");
    const StoredType stored = stored_type(type.id());
    place(tensor, stored, type.id());
    if (tags.dtype) restore_dtype(tensor, *tags.dtype);
  }

 private:
  void apply_name(Tensor& tensor, const Tags& tags) {
    if (!tags.name) return;
    if (is_stored_path(tensor.name, *tags.name)) {
      tensor.name = *tags.name;
    } else {
      notes_.push_back({"hdf5.stale_name", printable(tensor.name) + " was called " +
                                               printable(*tags.name) +
                                               " and has been moved since; its path is its name"});
    }
  }

  void place(Tensor& tensor, const StoredType& stored, hid_t type) {
    tensor.dtype = stored.dtype;
    if (stored.form == StoredType::Form::opaque)
      tensor.dtype = opaque_dtype(stored, type, tensor, options_, notes_);
    tensor.stored.order = stored.big_endian ? std::endian::big : std::endian::little;
    const std::uint64_t elements = tensor.elements();
    if (stored.form == StoredType::Form::rows) {
      tensor.stored.pieces.push_back(
          rows(tensor.shape, elements, H5Tget_class(type) == H5T_STRING));
      return;
    }
    FileRange range = elements == 0 ? FileRange{shared_.payload, 0, 0}
                                    : elements_of(shared_, dataset_, type, address_, tensor.shape,
                                                  stored.bytes, options_);
    if (stored.form == StoredType::Form::elements || stored.form == StoredType::Form::opaque) {
      tensor.stored.pieces.push_back(piece_of(std::move(range)));
      return;
    }
    if (stored.bytes == 0) throw Error(ErrorCode::corrupt, "hdf5", "its strings have no bytes");
    Piece piece;
    piece.origin = fixed_strings(std::move(range), stored.bytes, stored.padding);
    tensor.stored.pieces.push_back(std::move(piece));
  }

  Piece rows(const Shape& shape, std::uint64_t elements, bool text) const {
    Piece piece;
    if (elements == 0) {
      piece.origin = StringSource{0, [] { return std::vector<std::string>(); }};
      return piece;
    }
    piece.origin = string_rows(shared_, source_of(dataset_).base,
                               references_of(shared_, dataset_, address_, shape, options_), text,
                               options_.limits.string_bytes);
    return piece;
  }

  void restore_dtype(Tensor& tensor, const std::string& word) {
    const auto dtype = dtype_from_name(word);
    if (dtype == tensor.dtype) return;
    std::string why = "it is not known";
    if (dtype) {
      const auto encoding = encoding_of(*dtype);
      why = encoding ? restore_carried(tensor, {*dtype, encoding->carrier, tensor.shape})
                     : "HDF5 cannot hold it";
    }
    if (why.empty()) return;
    notes_.push_back({"hdf5.stale_dtype", printable(tensor.name) + " is tagged " + printable(word) +
                                              ", which is not applied: " + why});
  }

  const SharedFile& shared_;
  hid_t dataset_;
  haddr_t address_;
  const DatasetOptions& options_;
  std::vector<Note>& notes_;
};

}  // namespace

Tensor read_dataset(const SharedFile& shared, hid_t dataset, haddr_t address,
                    const std::string& path, const DatasetOptions& options, AttributeBudget& budget,
                    std::vector<Note>& notes) {
  Tensor tensor;
  tensor.name = path;
  try {
    DatasetReader(shared, dataset, address, options, notes).read(tensor, budget);
  } catch (const Error& error) {
    tensor.stored = {};
    tensor.problem = error;
  }
  return tensor;
}

}  // namespace tensorferry::hdf5
