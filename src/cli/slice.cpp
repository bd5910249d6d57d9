#include "slice.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "tensorferry/error.h"

namespace tensorferry::cli {
namespace {

Error bad_slice(std::string message) { return {ErrorCode::usage, "bad_slice", std::move(message)}; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::int64_t parse_index(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || text.empty())
    throw bad_slice("--slice: `" + printable(text) +
                    "` is not a whole number; write it as in 0:4,:,-1");
  return value;
}

std::optional<std::int64_t> parse_end(std::string_view text) {
  text = trim(text);
  return text.empty() ? std::nullopt : std::optional(parse_index(text));
}

SliceItem parse_item(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {false, parse_index(trim(text)), std::nullopt};
  const std::string_view behind = text.substr(colon + 1);
  if (behind.find(':') != std::string_view::npos)
    throw bad_slice("--slice: steps are not supported");
  return {true, parse_end(text.substr(0, colon)), parse_end(behind)};
}

std::uint64_t clip(std::int64_t index, std::uint64_t extent) {
  if (index >= 0) return std::min(static_cast<std::uint64_t>(index), extent);
  const std::uint64_t back = std::uint64_t{0} - static_cast<std::uint64_t>(index);
  return back > extent ? 0 : extent - back;
}

Span resolve_index(std::int64_t index, std::uint64_t extent, std::size_t dimension) {
  const std::uint64_t back = std::uint64_t{0} - static_cast<std::uint64_t>(index);
  const bool inside = index >= 0 ? static_cast<std::uint64_t>(index) < extent : back <= extent;
  if (!inside)
    throw bad_slice("--slice: index " + std::to_string(index) + " is outside dimension " +
                    std::to_string(dimension) + " of extent " + std::to_string(extent));
  const std::uint64_t position = index >= 0 ? static_cast<std::uint64_t>(index) : extent - back;
  return {position, position + 1, true};
}

}  // namespace

std::vector<SliceItem> parse_slice(std::string_view text) {
  std::vector<SliceItem> items;
  if (trim(text).empty()) return items;
  for (;;) {
    const std::size_t comma = text.find(',');
    items.push_back(parse_item(text.substr(0, comma)));
    if (comma == std::string_view::npos) return items;
    text.remove_prefix(comma + 1);
  }
}

std::vector<Span> resolve_slice(const std::vector<SliceItem>& items, const Shape& shape) {
  if (items.size() > shape.size())
    throw bad_slice("--slice names " + std::to_string(items.size()) + " dimensions, the shape is " +
                    to_string(shape));
  std::vector<Span> box;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const SliceItem item =
        i < items.size() ? items[i] : SliceItem{true, std::nullopt, std::nullopt};
    if (!item.range) {
      box.push_back(resolve_index(*item.start, shape[i], i));
      continue;
    }
    const std::uint64_t start = item.start ? clip(*item.start, shape[i]) : 0;
    const std::uint64_t stop = item.stop ? clip(*item.stop, shape[i]) : shape[i];
    box.push_back({start, std::max(start, stop), false});
  }
  return box;
}

Shape sliced_shape(const std::vector<Span>& box) {
  Shape shape;
  for (const Span& span : box)
    if (!span.dropped) shape.push_back(span.stop - span.start);
  return shape;
}

}  // namespace tensorferry::cli
