// What bytes look like when they are read as numbers of one kind.
//
// A float's binade is the exponent of its value. Weights, activations, statistics of optimizers lie
// in few binades: half of normally distributed numbers in the upper two, and each further one holds
// half as many. Bytes that are something else put other bits where the exponent is, and then it
// spreads over its whole range, or stands at its ends. A number is wild when it is
//   - more than 40 binades (of float16: 8) from the median one,
//   - denormal, except in float16, where that happens,
//   - a NaN with a payload that no processor makes.
// Zeros, infinities and ordinary NaNs say nothing (pruned weights, masks) and are not counted.
//
// A float tensor is doubted when 20 % are wild and another reading fits: at most 3 % wild with a
// median between 2^-40 and 2^20, or integers of few bits, or text. With 40 % wild and all eighths
// of the range of exponents in use, it is doubted without one: noise, or compressed bytes. An
// integer tensor is doubted when 90 % use more than half of their bits and the other byte order, or
// a float of the same width, fits.
//
// Rates, asserted in tests/plan/test_plausibility.cpp: of 20 kinds of weights and 6 of integers, of 64
// to 20,000 elements, none is doubted; byte-swapped floats, float64, int32 and int64 read as float32,
// text and noise are found in at least 98 % of the trials. Not found: floats whose low bytes are
// zero in another float type (2.0 as float64), bfloat16 read as float32, whose upper half it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "tensorferry/dtype.h"
#include "tensorferry/plausibility.h"

namespace tensorferry {

/// Bytes as they lie in a file.
struct ByteSample {
  std::span<const std::byte> bytes;  ///< begins at a multiple of 8 bytes of the tensor
  std::uint64_t tensor_bytes = 0;    ///< of the whole
};

/// Other dtypes are never doubted.
bool can_be_doubted(DType dtype);

/// What speaks against numbers of `dtype` in that order.
std::optional<Doubt> doubt(const ByteSample& sample, DType dtype, bool big_endian);

/// Numbers in the sample that tell something: not zero, no infinity, no ordinary NaN.
std::uint64_t telling(const ByteSample& sample, DType dtype, bool big_endian);

}  // namespace tensorferry
