#include "matlab.h"

#include <algorithm>
#include <array>

#include "tensorferry/error.h"
#include "tensorferry/values.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::size_t kMostExtents = 255;

struct Class {
  std::string_view name;
  DType dtype;
};

// Characters are UTF-16. Cells, structs and functions have no dtype.
constexpr std::array kClasses{
    Class{"double", DType::float64},  Class{"single", DType::float32},
    Class{"logical", DType::boolean}, Class{"char", DType::uint16},
    Class{"int8", DType::int8},       Class{"int16", DType::int16},
    Class{"int32", DType::int32},     Class{"int64", DType::int64},
    Class{"uint8", DType::uint8},     Class{"uint16", DType::uint16},
    Class{"uint32", DType::uint32},   Class{"uint64", DType::uint64},
};

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::corrupt, "matlab", "it is marked as an empty array of MATLAB, " + why);
}

bool is_marked(const Attributes& attributes) {
  const auto mark = attributes.find("MATLAB_empty");
  if (mark == attributes.end()) return false;
  if (const auto* number = std::get_if<std::int64_t>(&mark->second)) return *number != 0;
  const auto* truth = std::get_if<bool>(&mark->second);
  return truth != nullptr && *truth;
}

Shape extents_in(const Tensor& tensor) {
  const DTypeKind kind = info(tensor.dtype).kind;
  const bool integers = kind == DTypeKind::unsigned_integer || kind == DTypeKind::signed_integer;
  const std::size_t bytes = info(tensor.dtype).bytes;
  if (!integers || tensor.shape.size() != 1 || tensor.shape[0] > kMostExtents)
    refuse("but its elements are not extents");
  const auto& range = std::get<FileRange>(tensor.stored.pieces.at(0).origin);
  std::string stored = range.file->read_string(range.offset, range.length);
  Shape extents;
  for (std::size_t at = 0; at + bytes <= stored.size(); at += bytes) {
    const auto begin = stored.begin() + static_cast<std::ptrdiff_t>(at);
    if (tensor.stored.order == std::endian::big)
      std::reverse(begin, begin + static_cast<std::ptrdiff_t>(bytes));
    extents.push_back(little_endian(reinterpret_cast<const std::byte*>(&stored[at]), bytes));
  }
  return extents;
}

}  // namespace

void restore_matlab_empty(Tensor& tensor) {
  if (!is_marked(tensor.attributes) || tensor.elements() == 0) return;
  Shape extents = extents_in(tensor);
  if (element_count(extents) != 0) refuse("but the extents in it are " + to_string(extents));
  tensor.shape = std::move(extents);
  tensor.stored.order = std::endian::little;
  std::get<FileRange>(tensor.stored.pieces.front().origin).length = 0;
  tensor.attributes.erase("MATLAB_empty");
  const auto name = tensor.attributes.find("MATLAB_class");
  if (name == tensor.attributes.end()) return;
  const auto* text = std::get_if<std::string>(&name->second);
  for (const Class& known : kClasses) {
    if (text != nullptr && *text == known.name) tensor.dtype = known.dtype;
  }
}

}  // namespace tensorferry::hdf5
