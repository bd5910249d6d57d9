// An array as nested brackets: as numpy prints it, or as JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "elements.h"
#include "slice.h"

namespace tensorferry::cli {

/// The box `spans` of an array of shape `shape`: where its elements lie in row-major order.
struct Box {
  struct Axis {
    std::uint64_t extent, stride;  ///< both in elements
  };
  std::uint64_t origin = 0;
  std::uint64_t end = 0;    ///< behind the last element; origin when there is none
  std::uint64_t count = 0;  ///< of elements
  std::vector<Axis> axes;   ///< outermost first, without the dropped ones

  Box(const Shape& shape, const std::vector<Span>& spans);
};

using TextSink = std::function<void(std::string_view)>;

/// Arrays of more elements than this are shown by the first and last three of each dimension.
constexpr std::uint64_t kElisionThreshold = 1000;

/// numpy's look: aligned when short or elided; lines of at most about 100 characters. No line end
/// behind it.
void write_array_text(const Box& box, bool elide, Elements& elements, const TextSink& sink);

/// Nested lists, all elements.
void write_array_json(const Box& box, Elements& elements, const TextSink& sink);

}  // namespace tensorferry::cli
