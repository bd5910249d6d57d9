#include "dataset_reader.h"

#include <array>

#include "dataset_layout.h"
#include "names.h"
#include "stored_types.h"
#include "util/text.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::string_view kDTypeTag = "tensorferry_dtype", kNameTag = "tensorferry_name",
                           kNameTagBase64 = "tensorferry_name_base64";
constexpr std::string_view kKerasDType = "dtype", kEnumNames = "enum_names";

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
DType opaque_dtype(const StoredType& stored, DescribedDataset& tensor,
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
  const std::string& label = stored.tag;
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

class DatasetReader {
 public:
  DatasetReader(hid_t dataset, haddr_t address, const DatasetOptions& options,
                std::vector<Note>& notes)
      : header_(dataset, address), options_(options), notes_(notes) {}

  void read(DescribedDataset& tensor, AttributeBudget& budget) {
    check_fill_value(header_);
    {
      const Handle creation = readable_handle(H5Dget_create_plist(header_.dataset), H5Pclose,
                                              "read the settings of a dataset");
      // Before the shape: that of a virtual dataset may be looked up in other files.
      refuse_foreign_storage(creation.id());
    }
    bool null_space = false;
    tensor.shape = shape_of(header_.dataset, null_space);
    StoredAttributes attributes = read_attributes(header_.dataset, budget);
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
    tensor.dtype_tag = tags.dtype;
    place(tensor, stored_type(header_.type));
  }

 private:
  void apply_name(DescribedDataset& tensor, const Tags& tags) {
    if (!tags.name) return;
    if (is_stored_path(tensor.name, *tags.name)) {
      tensor.name = *tags.name;
    } else {
      notes_.push_back({"hdf5.stale_name", printable(tensor.name) + " was called " +
                                               printable(*tags.name) +
                                               " and has been moved since; its path is its name"});
    }
  }

  void place(DescribedDataset& tensor, const StoredType& stored) {
    tensor.dtype = stored.dtype;
    if (stored.form == StoredType::Form::opaque)
      tensor.dtype = opaque_dtype(stored, tensor, options_, notes_);
    tensor.big_endian = stored.big_endian;
    tensor.form = stored.form;
    tensor.text_bytes = stored.bytes;
    tensor.padding = stored.padding;
    tensor.ends_at_nul = stored.ends_at_nul;
    tensor.base = header_.base;
    if (!stored.names.empty()) add_names(tensor, stored.names);
    if (element_count(tensor.shape) != 0) tensor.elements = elements(tensor);
    tensor.shape.insert(tensor.shape.end(), stored.extents.begin(), stored.extents.end());
  }

  Elements elements(const DescribedDataset& tensor) {
    StoredElements found = elements_of(header_, tensor.shape);
    if (!found.never_written.empty()) {
      notes_.push_back({"hdf5.never_written",
                        printable(tensor.name) + ": " + found.never_written + " never written: " +
                            (found.has_fill ? "the fill value is read there"
                                            : "0 is read there, since nothing fills it")});
    }
    return std::move(found.where);
  }

  void add_names(DescribedDataset& tensor, const std::string& names) {
    if (tensor.attributes.try_emplace(std::string(kEnumNames), names).second) return;
    notes_.push_back({"hdf5.enum_names_left_out",
                      printable(tensor.name) + " has an attribute enum_names of its own: the names "
                                               "of its enumeration are left out"});
  }

  DatasetHeader header_;
  const DatasetOptions& options_;
  std::vector<Note>& notes_;
};

}  // namespace

DescribedDataset describe_dataset(hid_t dataset, haddr_t address, const std::string& path,
                                  const DatasetOptions& options, AttributeBudget& budget,
                                  std::vector<Note>& notes) {
  DescribedDataset described;
  described.name = path;
  try {
    DatasetReader(dataset, address, options, notes).read(described, budget);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::resources) throw;
    described.problem = error;
  }
  return described;
}

}  // namespace tensorferry::hdf5
