#include "safetensors_wire.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "tensorferry/error.h"
#include "util/dtype_rows.h"
#include "util/json.h"
#include "util/text.h"

namespace tensorferry::safetensors {
namespace {

// In the library's order. F6: no documentation says how its elements are packed.
constexpr auto kTypes = std::to_array<ElementType>({
    {"BOOL", DType::boolean, 0},
    {"F4", DType::float4_e2m1fn, 1},
    {"F6_E2M3", DType::unknown, 2},
    {"F6_E3M2", DType::unknown, 3},
    {"U8", DType::uint8, 4},
    {"I8", DType::int8, 5},
    {"F8_E5M2", DType::float8_e5m2, 6},
    {"F8_E4M3", DType::float8_e4m3fn, 7},
    {"F8_E8M0", DType::float8_e8m0fnu, 8},
    {"F8_E4M3FNUZ", DType::float8_e4m3fnuz, 9},
    {"F8_E5M2FNUZ", DType::float8_e5m2fnuz, 10},
    {"I16", DType::int16, 11},
    {"U16", DType::uint16, 12},
    {"F16", DType::float16, 13},
    {"BF16", DType::bfloat16, 14},
    {"I32", DType::int32, 15},
    {"U32", DType::uint32, 16},
    {"F32", DType::float32, 17},
    {"C64", DType::complex64, 18},
    {"F64", DType::float64, 19},
    {"I64", DType::int64, 20},
    {"U64", DType::uint64, 21},
});
constexpr DTypeRows kRows(kTypes);

std::string range_text(const Extent& extent) {
  return std::to_string(extent.begin) + ".." + std::to_string(extent.end);
}

}  // namespace

const ElementType* element_type(std::string_view name) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const ElementType& type) { return type.name == name; });
  return found == kTypes.end() ? nullptr : &*found;
}

const ElementType* element_type(DType dtype) { return kRows.find(dtype); }

bool is_index_name(std::string_view leaf) {
  constexpr std::string_view kIndex = ".safetensors.index.", kEnd = "json";
  const std::size_t at = leaf.rfind(kIndex);
  if (at == std::string_view::npos) return false;
  const std::string_view rest = leaf.substr(at + kIndex.size());
  return rest == kEnd || (rest.ends_with(kEnd) && rest.size() > kEnd.size() + 1 &&
                          rest[rest.size() - kEnd.size() - 1] == '.');
}

std::string_view shard_stem(std::string_view leaf) {
  constexpr std::string_view kPattern = "-ddddd-of-ddddd.safetensors";
  if (leaf.size() <= kPattern.size()) return {};
  const std::string_view end = leaf.substr(leaf.size() - kPattern.size());
  for (std::size_t i = 0; i < end.size(); ++i) {
    const bool digit = end[i] >= '0' && end[i] <= '9';
    // The letters of "-of-" and of the extension stand for themselves.
    const bool wants_digit = (i >= 1 && i <= 5) || (i >= 10 && i <= 14);
    if (wants_digit ? !digit : end[i] != kPattern[i]) return {};
  }
  return leaf.substr(0, leaf.size() - kPattern.size());
}

std::uint64_t check_tiling(const std::vector<Extent>& extents,
                           const std::function<std::string_view(std::size_t)>& name_of) {
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
    const std::size_t at = order.empty() ? i : order[i];
    const Extent& extent = extents[at];
    if (extent.begin != end) {
      const auto quoted = [&](std::size_t tensor) {
        return "\"" + printable(name_of(tensor)) + "\"";
      };
      const std::string previous = i == 0 ? "the elements begin at 0"
                                          : "the one before it, " +
                                                quoted(order.empty() ? i - 1 : order[i - 1]) +
                                                ", ends at " + std::to_string(end);
      throw Error(ErrorCode::corrupt, "layout",
                  "has the bytes " + range_text(extent) + ", " + previous +
                      (extent.begin < end ? ": they overlap" : ": there is a hole between them"))
          .in_tensor(name_of(at));
    }
    end = extent.end;
  }
  return end;
}

HeaderText::HeaderText(const TextEntries& metadata, std::size_t expected) {
  text_.reserve(expected);
  text_.assign(kLengthBytes, '\0');
  text_ += '{';
  if (metadata.empty()) return;
  const std::map<std::string_view, std::string_view> sorted(metadata.begin(), metadata.end());
  append_json_string(text_, kMetadataKey);
  text_ += ":{";
  for (const auto& [key, value] : sorted) {
    append_json_string(text_, key);
    text_ += ':';
    append_json_string(text_, value);
    text_ += ',';
  }
  text_.back() = '}';
  text_ += ',';
}

void HeaderText::add(std::string_view name, std::string_view dtype, const Shape& shape,
                     Extent bytes) {
  append_json_string(text_, name);
  append(text_, {":{\"dtype\":\"", dtype, "\",\"shape\":["});
  append_extents(text_, shape, ",");
  append(text_, {"],\"data_offsets\":[", Decimal(bytes.begin), ",", Decimal(bytes.end), "]},"});
}

std::string HeaderText::finish(std::uint64_t alignment) && {
  if (text_.back() == ',') text_.pop_back();
  text_ += '}';
  text_.resize((text_.size() + alignment - 1) / alignment * alignment, ' ');
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    text_[i] = static_cast<char>((text_.size() - kLengthBytes) >> (8 * i));
  return std::move(text_);
}

std::string format_index(const WeightMap& weights, std::uint64_t total_size) {
  std::string text = "{\n  \"metadata\": {\n    \"total_size\": " + std::to_string(total_size) +
                     "\n  },\n  \"weight_map\": {";
  const char* separator = "\n    ";
  for (const auto& [name, file] : weights) {
    text += separator;
    append_json_string(text, name);
    text += ": ";
    append_json_string(text, file);
    separator = ",\n    ";
  }
  return text + "\n  }\n}\n";
}

}  // namespace tensorferry::safetensors
