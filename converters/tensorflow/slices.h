// The parts of a partitioned tensor, against its shape.
#pragma once

#include <vector>

#include "ordered_code.h"
#include "tensorferry/dtype.h"
#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

/// A box of elements.
struct Box {
  Shape start, extent;
};

/// The box of a slice. Throws Error(corrupt.slice) for another rank than the shape's and for what
/// lies outside it.
Box box_of(const Slice& slice, const Shape& shape);

/// Throws Error(corrupt.slices) unless the boxes are disjoint and cover the shape: the message
/// names two that overlap. Every box lies inside; those without elements are ignored.
/// Error(unsafe.limit) for boxes so many and so interleaved that comparing them would take minutes.
void check_cover(const std::vector<Box>& boxes, const Shape& shape);

}  // namespace tensorferry::tensorflow
