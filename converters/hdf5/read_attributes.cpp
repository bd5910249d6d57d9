#include "read_attributes.h"

#include <algorithm>
#include <array>

#include "encoded_type.h"
#include "fixed_text.h"
#include "global_heap.h"
#include "object_header.h"
#include "stored_types.h"
#include "tensorferry/values.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::string_view kReading = "read an attribute", kOutside = "dense_attribute";

/// The attributes of one object. Those of variable length are read out of its header.
class Object {
 public:
  explicit Object(hid_t id) : id_(id) {}

  hid_t id() const { return id_; }
  /// The values of an attribute of `count` elements. Throws Error(unsupported.dense_attribute)
  /// where the object keeps its attributes outside its header.
  std::vector<std::string> variable(const std::string& name, std::size_t count,
                                    AttributeBudget& budget);

 private:
  hid_t id_;
  std::optional<Source> source_;
  std::vector<HeaderMessage> messages_;
};

std::vector<std::string> Object::variable(const std::string& name, std::size_t count,
                                          AttributeBudget& budget) {
  if (!source_) {
    source_ = source_of(id_);
    H5O_info_t info{};
    readable(H5Oget_info2(id_, &info, H5O_INFO_BASIC), kReading);
    messages_ = object_header(*source_->file, source_->base, info.addr);
  }
  const auto stored = stored_attribute(messages_, name);
  if (!stored) {
    throw Error(ErrorCode::unsupported, std::string(kOutside),
                "its attribute " + printable(name) +
                    " has a variable length and lies outside the object header");
  }
  constexpr std::size_t kBytes = HeapReference::kBytes, kPadding = 7;
  if (stored->size() / kBytes != count || stored->size() % kBytes > kPadding)
    throw Error(ErrorCode::corrupt, "hdf5", "its attribute " + printable(name) + " is cut off");
  GlobalHeap heap(*source_->file, source_->base);
  std::vector<std::string> values;
  for (std::size_t i = 0; i < count; ++i) {
    const HeapReference reference = HeapReference::at(stored->data() + i * kBytes);
    budget.take(reference.length);
    values.push_back(heap.value(reference));
  }
  return values;
}

struct Opened {
  Object& object;
  std::string name;
  Handle attribute, type, space;
};

Opened open(Object& owner, const char* name) {
  Opened opened{owner, name, {}, {}, {}};
  const hid_t object = owner.id();
  opened.attribute = readable_handle(H5Aopen(object, name, H5P_DEFAULT), H5Aclose, kReading);
  opened.type = readable_handle(H5Aget_type(opened.attribute.id()), H5Tclose, kReading);
  opened.space = readable_handle(H5Aget_space(opened.attribute.id()), H5Sclose, kReading);
  return opened;
}

std::vector<std::string> fixed_texts(const Opened& opened, std::size_t count,
                                     AttributeBudget& budget) {
  const std::size_t bytes = H5Tget_size(opened.type.id());
  budget.take(checked_multiply(count, bytes));
  std::string all(count * bytes, '\0');
  readable(H5Aread(opened.attribute.id(), opened.type.id(), all.data()), kReading);
  return split_fixed_texts(all, bytes, static_cast<TextPadding>(H5Tget_strpad(opened.type.id())));
}

std::vector<std::string> texts_of(const Opened& opened, AttributeBudget& budget) {
  const auto count =
      static_cast<std::size_t>(readable(H5Sget_simple_extent_npoints(opened.space.id()), kReading));
  budget.take(checked_multiply(count, sizeof(std::string)));
  if (count == 0) return {};
  if (readable(H5Tis_variable_str(opened.type.id()), kReading) > 0) {
    std::vector<std::string> texts = opened.object.variable(opened.name, count, budget);
    for (std::string& text : texts) text.resize(std::min(text.find('\0'), text.size()));
    return texts;
  }
  return fixed_texts(opened, count, budget);
}

std::optional<AttributeValue> integer_of(const Opened& opened) {
  if (H5Tget_size(opened.type.id()) > 8) return std::nullopt;
  if (H5Tget_sign(opened.type.id()) == H5T_SGN_NONE) {
    std::uint64_t value = 0;
    readable(H5Aread(opened.attribute.id(), H5T_NATIVE_UINT64, &value), kReading);
    if (value > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
    return static_cast<std::int64_t>(value);
  }
  std::int64_t value = 0;
  readable(H5Aread(opened.attribute.id(), H5T_NATIVE_INT64, &value), kReading);
  return value;
}

std::optional<AttributeValue> float_of(const Opened& opened) {
  if (H5Tget_size(opened.type.id()) > 8) return std::nullopt;
  double value = 0;
  readable(H5Aread(opened.attribute.id(), H5T_NATIVE_DOUBLE, &value), kReading);
  return value;
}

// Of enumerations, bool among them, and bit fields: in the type's own bytes.
std::optional<AttributeValue> bits_of(const Opened& opened) {
  const Datatype type = encoded_type(opened.type.id());
  const StoredType stored = stored_type(type);
  std::array<std::byte, 8> bytes{};
  if (stored.form != StoredType::Form::elements || stored.bytes > bytes.size() ||
      type.bytes != stored.bytes)
    return std::nullopt;
  readable(H5Aread(opened.attribute.id(), opened.type.id(), bytes.data()), kReading);
  if (stored.big_endian)
    std::reverse(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(stored.bytes));
  const std::uint64_t value = little_endian(bytes.data(), stored.bytes);
  if (stored.dtype == DType::boolean) {
    if (value > 1) return std::nullopt;
    return value == 1;
  }
  if (info(stored.dtype).bits != 8 * stored.bytes) return std::nullopt;
  if (info(stored.dtype).kind == DTypeKind::signed_integer) {
    const std::size_t unused = 64 - 8 * stored.bytes;
    return static_cast<std::int64_t>(value << unused) >> unused;
  }
  if (value > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::optional<AttributeValue> scalar_of(const Opened& opened, AttributeBudget& budget) {
  if (H5Sget_simple_extent_type(opened.space.id()) != H5S_SCALAR) return std::nullopt;
  switch (H5Tget_class(opened.type.id())) {
    case H5T_STRING:
      return texts_of(opened, budget).at(0);
    case H5T_INTEGER:
      return integer_of(opened);
    case H5T_FLOAT:
      return float_of(opened);
    case H5T_ENUM:
    case H5T_BITFIELD:
      return bits_of(opened);
    case H5T_VLEN: {
      const Handle base = readable_handle(H5Tget_super(opened.type.id()), H5Tclose, kReading);
      if (H5Tget_class(base.id()) != H5T_INTEGER || H5Tget_size(base.id()) != 1)
        return std::nullopt;
      // A string that is not UTF-8, or has NUL, as our writer stores it.
      return opened.object.variable(opened.name, 1, budget).at(0);
    }
    default:
      return std::nullopt;
  }
}

herr_t take_name(hid_t, const char* name, const H5A_info_t*, void* names) {
  try {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
  } catch (...) {
    return -1;
  }
}

std::vector<std::string> names_of(hid_t object) {
  std::vector<std::string> names;
  readable(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, take_name, &names),
           "list attributes");
  return names;
}

}  // namespace

void AttributeBudget::take(std::uint64_t bytes) {
  if (bytes > left_) {
    throw Error(ErrorCode::unsafe, "limit",
                "its attributes take more memory than the limit (--limit header=BYTES raises it)");
  }
  left_ -= bytes;
}

StoredAttributes read_attributes(hid_t object, AttributeBudget& budget) {
  StoredAttributes result;
  std::vector<std::string> names;
  try {
    names = names_of(object);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    // Outside the header, in a form of a newer release.
    result.notes.push_back(
        {"hdf5.attribute_left_out", "its attributes are left out: " + error.message()});
    return result;
  }
  Object owner(object);
  for (const std::string& name : names) {
    budget.take(name.size());
    try {
      const Opened opened = open(owner, name.c_str());
      if (auto value = scalar_of(opened, budget)) {
        result.scalars.emplace(name, std::move(*value));
        continue;
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::unsafe) throw;
      if (error.detail() == kOutside) {
        result.notes.push_back({"hdf5.attribute_left_out", error.message() + "; it is left out"});
        continue;
      }
    }
    ++result.left_out;
  }
  return result;
}

std::optional<std::string> text_attribute(hid_t object, const char* name, AttributeBudget& budget) {
  if (H5Aexists(object, name) <= 0) return std::nullopt;
  Object owner(object);
  const Opened opened = open(owner, name);
  auto value = scalar_of(opened, budget);
  if (!value || !std::holds_alternative<std::string>(*value)) return std::nullopt;
  return std::get<std::string>(std::move(*value));
}

std::optional<std::vector<std::string>> text_list_attribute(hid_t object, const char* name,
                                                            AttributeBudget& budget) {
  if (H5Aexists(object, name) <= 0) return std::nullopt;
  Object owner(object);
  const Opened opened = open(owner, name);
  if (readable(H5Sget_simple_extent_npoints(opened.space.id()), kReading) == 0)
    return std::vector<std::string>();
  if (H5Tget_class(opened.type.id()) != H5T_STRING) {
    throw Error(ErrorCode::corrupt, "keras",
                std::string("its attribute ") + name + " holds no text");
  }
  return texts_of(opened, budget);
}

}  // namespace tensorferry::hdf5
