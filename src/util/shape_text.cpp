#include "util/shape_text.h"

#include <charconv>

namespace tensorferry {

std::string shape_to_text(const Shape& shape) {
  std::string text;
  for (std::uint64_t extent : shape) {
    if (!text.empty()) text += ',';
    text += std::to_string(extent);
  }
  return text;
}

std::optional<Shape> shape_from_text(std::string_view text) {
  Shape shape;
  if (text.empty()) return shape;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    std::uint64_t extent = 0;
    const auto [behind, error] = std::from_chars(at, end, extent);
    if (error != std::errc()) return std::nullopt;
    shape.push_back(extent);
    if (behind == end) return shape;
    if (*behind != ',') return std::nullopt;
    at = behind + 1;
  }
}

}  // namespace tensorferry
