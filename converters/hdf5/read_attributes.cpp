#include "read_attributes.h"

#include <cstring>

#include "fixed_text.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::string_view kReading = "read an attribute";

struct Opened {
  Handle attribute, type, space;
};

Opened open(hid_t object, const char* name) {
  Opened opened;
  opened.attribute = readable_handle(H5Aopen(object, name, H5P_DEFAULT), H5Aclose, kReading);
  opened.type = readable_handle(H5Aget_type(opened.attribute.id()), H5Tclose, kReading);
  opened.space = readable_handle(H5Aget_space(opened.attribute.id()), H5Sclose, kReading);
  return opened;
}

/// Text elements of variable length, given back to the library at the end.
class TextRows {
 public:
  TextRows(const Opened& opened, std::size_t count) : opened_(opened), rows_(count, nullptr) {
    readable(H5Aread(opened.attribute.id(), opened.type.id(), rows_.data()), kReading);
  }
  ~TextRows() { H5Dvlen_reclaim(opened_.type.id(), opened_.space.id(), H5P_DEFAULT, rows_.data()); }
  TextRows(const TextRows&) = delete;
  TextRows& operator=(const TextRows&) = delete;

  std::vector<std::string> copied(AttributeBudget& budget) const {
    std::vector<std::string> texts;
    for (const char* row : rows_) {
      texts.emplace_back(row == nullptr ? "" : row);
      budget.take(texts.back().size());
    }
    return texts;
  }

 private:
  const Opened& opened_;
  std::vector<char*> rows_;
};

std::vector<std::string> fixed_texts(const Opened& opened, std::size_t count,
                                     AttributeBudget& budget) {
  const std::size_t bytes = H5Tget_size(opened.type.id());
  budget.take(checked_multiply(count, bytes));
  std::string all(count * bytes, '\0');
  readable(H5Aread(opened.attribute.id(), opened.type.id(), all.data()), kReading);
  return split_fixed_texts(all, bytes, H5Tget_strpad(opened.type.id()));
}

std::vector<std::string> texts_of(const Opened& opened, AttributeBudget& budget) {
  const auto count =
      static_cast<std::size_t>(readable(H5Sget_simple_extent_npoints(opened.space.id()), kReading));
  budget.take(checked_multiply(count, sizeof(char*)));
  if (count == 0) return {};
  if (readable(H5Tis_variable_str(opened.type.id()), kReading) > 0)
    return TextRows(opened, count).copied(budget);
  return fixed_texts(opened, count, budget);
}

// A string that is not UTF-8, or has NUL, as our writer stores it.
std::string bytes_of(const Opened& opened, AttributeBudget& budget) {
  hvl_t row{};
  const Handle type = readable_handle(H5Tvlen_create(H5T_STD_U8LE), H5Tclose, kReading);
  readable(H5Aread(opened.attribute.id(), type.id(), &row), kReading);
  std::string text(static_cast<const char*>(row.p), row.p == nullptr ? 0 : row.len);
  H5free_memory(row.p);
  budget.take(text.size());
  return text;
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

std::optional<AttributeValue> scalar_of(const Opened& opened, AttributeBudget& budget) {
  if (H5Sget_simple_extent_type(opened.space.id()) != H5S_SCALAR) return std::nullopt;
  switch (H5Tget_class(opened.type.id())) {
    case H5T_STRING:
      return texts_of(opened, budget).at(0);
    case H5T_INTEGER:
      return integer_of(opened);
    case H5T_FLOAT:
      return float_of(opened);
    case H5T_ENUM: {
      if (H5Tget_size(opened.type.id()) != 1) return std::nullopt;
      unsigned char value = 0;
      readable(H5Aread(opened.attribute.id(), opened.type.id(), &value), kReading);
      if (value > 1) return std::nullopt;
      return value == 1;
    }
    case H5T_VLEN: {
      const Handle base = readable_handle(H5Tget_super(opened.type.id()), H5Tclose, kReading);
      if (H5Tget_class(base.id()) != H5T_INTEGER || H5Tget_size(base.id()) != 1)
        return std::nullopt;
      return bytes_of(opened, budget);
    }
    default:
      return std::nullopt;
  }
}

struct Names {
  std::vector<std::string> names;
};

herr_t take_name(hid_t, const char* name, const H5A_info_t*, void* data) {
  try {
    static_cast<Names*>(data)->names.emplace_back(name);
    return 0;
  } catch (...) {
    return -1;
  }
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
  Names found;
  readable(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, take_name, &found),
           "list attributes");
  StoredAttributes result;
  for (const std::string& name : found.names) {
    budget.take(name.size());
    try {
      const Opened opened = open(object, name.c_str());
      if (auto value = scalar_of(opened, budget)) {
        result.scalars.emplace(name, std::move(*value));
        continue;
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::unsafe) throw;
    }
    ++result.left_out;
  }
  return result;
}

std::optional<std::string> text_attribute(hid_t object, const char* name, AttributeBudget& budget) {
  if (H5Aexists(object, name) <= 0) return std::nullopt;
  const Opened opened = open(object, name);
  auto value = scalar_of(opened, budget);
  if (!value || !std::holds_alternative<std::string>(*value)) return std::nullopt;
  return std::get<std::string>(std::move(*value));
}

std::optional<std::vector<std::string>> text_list_attribute(hid_t object, const char* name,
                                                            AttributeBudget& budget) {
  if (H5Aexists(object, name) <= 0) return std::nullopt;
  const Opened opened = open(object, name);
  if (readable(H5Sget_simple_extent_npoints(opened.space.id()), kReading) == 0)
    return std::vector<std::string>();
  if (H5Tget_class(opened.type.id()) != H5T_STRING) {
    throw Error(ErrorCode::corrupt, "keras",
                std::string("its attribute ") + name + " holds no text");
  }
  return texts_of(opened, budget);
}

}  // namespace tensorferry::hdf5
