#include "attributes.h"

#include <algorithm>
#include <cstdint>

#include "names.h"
#include "types.h"
#include "util/text.h"

namespace tensorferry::hdf5 {
namespace {

// The library does not write through it, but its C interface does not say so.
hvl_t row_of(const std::string& text) { return {text.size(), const_cast<char*>(text.data())}; }

class AttributeWriter {
 public:
  explicit AttributeWriter(hid_t object)
      : object_(object),
        scalar_(H5Screate(H5S_SCALAR), H5Sclose, "make a dataspace"),
        utf8_(H5Pcreate(H5P_ATTRIBUTE_CREATE), H5Pclose, "make a property list") {
    checked(H5Pset_char_encoding(utf8_.id(), H5T_CSET_UTF8), "set an encoding");
  }

  void write(const std::string& name, const std::string& value) {
    if (is_hdf5_text(value)) {
      const char* text = value.c_str();
      put(name, text_type().id(), &text);
    } else {
      const hvl_t row = row_of(value);
      put(name, bytes_type().id(), &row);
    }
  }
  void write(const std::string& name, std::int64_t value) {
    std::byte bytes[8];
    for (unsigned i = 0; i < 8; ++i)
      bytes[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> 8 * i);
    put(name, H5T_STD_I64LE, bytes);
  }
  void write(const std::string& name, double value) {
    const Handle type(H5Tcopy(H5T_IEEE_F64LE), H5Tclose, "make a type");
    put(name, type.id(), H5T_NATIVE_DOUBLE, &value);
  }
  void write(const std::string& name, bool value) {
    const std::int8_t code = value ? 1 : 0;
    put(name, element_type(DType::boolean).id(), &code);
  }

 private:
  void put(const std::string& name, hid_t type, const void* value) { put(name, type, type, value); }

  void put(const std::string& name, hid_t type, hid_t memory_type, const void* value) {
    const hid_t creation = is_ascii(name) ? H5P_DEFAULT : utf8_.id();
    const Handle attribute(
        H5Acreate2(object_, name.c_str(), type, scalar_.id(), creation, H5P_DEFAULT), H5Aclose,
        "make an attribute");
    checked(H5Awrite(attribute.id(), memory_type, value), "write an attribute");
  }

  hid_t object_;
  Handle scalar_, utf8_;
};

}  // namespace

void write_attributes(hid_t object, const Attributes& attributes) {
  if (attributes.empty()) return;
  AttributeWriter writer(object);
  for (const auto& [name, value] : attributes) {
    std::visit([&, &key = name](const auto& held) { writer.write(key, held); }, value);
  }
}

bool are_texts(const std::vector<std::string>& texts) {
  return std::all_of(texts.begin(), texts.end(),
                     [](const std::string& text) { return is_hdf5_text(text); });
}

void write_strings(hid_t dataset, hid_t type, bool as_text, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  constexpr std::string_view kDoing = "write a tensor of strings";
  if (as_text) {
    std::vector<const char*> rows;
    rows.reserve(texts.size());
    for (const std::string& text : texts) rows.push_back(text.c_str());
    checked(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.data()), kDoing);
  } else {
    std::vector<hvl_t> rows;
    rows.reserve(texts.size());
    for (const std::string& text : texts) rows.push_back(row_of(text));
    checked(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.data()), kDoing);
  }
}

}  // namespace tensorferry::hdf5
