#include "safetensors_wire.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tensorferry/error.h"
#include "util/json.h"

namespace tensorferry::safetensors {
namespace {

// In the library's order. F6: no documentation says how its elements are packed.
constexpr std::pair<std::string_view, DType> kTypes[] = {
    {"BOOL", DType::boolean},
    {"F4", DType::float4_e2m1fn},
    {"F6_E2M3", DType::unknown},
    {"F6_E3M2", DType::unknown},
    {"U8", DType::uint8},
    {"I8", DType::int8},
    {"F8_E5M2", DType::float8_e5m2},
    {"F8_E4M3", DType::float8_e4m3fn},
    {"F8_E8M0", DType::float8_e8m0fnu},
    {"F8_E4M3FNUZ", DType::float8_e4m3fnuz},
    {"F8_E5M2FNUZ", DType::float8_e5m2fnuz},
    {"I16", DType::int16},
    {"U16", DType::uint16},
    {"F16", DType::float16},
    {"BF16", DType::bfloat16},
    {"I32", DType::int32},
    {"U32", DType::uint32},
    {"F32", DType::float32},
    {"C64", DType::complex64},
    {"F64", DType::float64},
    {"I64", DType::int64},
    {"U64", DType::uint64},
};

template <typename Wanted>
std::optional<ElementType> find_type(Wanted wanted) {
  int rank = 0;
  for (const auto& [name, dtype] : kTypes) {
    if (wanted(name, dtype)) return ElementType{name, dtype, rank};
    ++rank;
  }
  return std::nullopt;
}

std::string range_text(const Extent& extent) {
  return std::to_string(extent.begin) + ".." + std::to_string(extent.end);
}

std::string quoted(const std::string& text) { return Json(text).dump(); }

}  // namespace

std::optional<ElementType> element_type(std::string_view name) {
  return find_type([&](std::string_view other, DType) { return other == name; });
}

std::optional<ElementType> element_type(DType dtype) {
  if (dtype == DType::unknown) return std::nullopt;
  return find_type([&](std::string_view, DType other) { return other == dtype; });
}

std::uint64_t check_tiling(const std::vector<Extent>& extents) {
  const auto before = [](const Extent& a, const Extent& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  };
  std::vector<std::uint32_t> order;
  if (!std::is_sorted(extents.begin(), extents.end(), before)) {
    order.resize(extents.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t a, std::uint32_t b) { return before(extents[a], extents[b]); });
  }
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const Extent& extent = extents[order.empty() ? i : order[i]];
    if (extent.begin != end) {
      throw Error(ErrorCode::corrupt, "layout",
                  "a tensor has the bytes " + range_text(extent) + ", the one before it ends at " +
                      std::to_string(end) +
                      (extent.begin < end ? ": they overlap" : ": there is a hole between them"));
    }
    end = extent.end;
  }
  return end;
}

std::string format_header(const TextEntries& metadata, const std::vector<HeaderEntry>& tensors,
                          std::uint64_t alignment) {
  std::string text(kLengthBytes, '\0');
  text += '{';
  if (!metadata.empty()) {
    const std::map<std::string, std::string> sorted(metadata.begin(), metadata.end());
    text += quoted(std::string(kMetadataKey)) + ":{";
    for (const auto& [key, value] : sorted) text += quoted(key) + ':' + quoted(value) + ',';
    text.back() = '}';
    text += ',';
  }
  for (const HeaderEntry& tensor : tensors) {
    text += quoted(tensor.name) + ":{\"dtype\":\"" + tensor.dtype + "\",\"shape\":[";
    for (const std::uint64_t extent : tensor.shape) text += std::to_string(extent) + ',';
    if (!tensor.shape.empty()) text.pop_back();
    text += "],\"data_offsets\":[" + std::to_string(tensor.begin) + ',' +
            std::to_string(tensor.end) + "]},";
  }
  if (text.back() == ',') text.pop_back();
  text += '}';
  text.resize((text.size() + alignment - 1) / alignment * alignment, ' ');
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    text[i] = static_cast<char>((text.size() - kLengthBytes) >> (8 * i));
  return text;
}

std::string format_index(const WeightMap& weights, std::uint64_t total_size) {
  std::string text = "{\n  \"metadata\": {\n    \"total_size\": " + std::to_string(total_size) +
                     "\n  },\n  \"weight_map\": {";
  const char* separator = "\n    ";
  for (const auto& [name, file] : weights) {
    text += separator + quoted(name) + ": " + quoted(file);
    separator = ",\n    ";
  }
  return text + "\n  }\n}\n";
}

}  // namespace tensorferry::safetensors
