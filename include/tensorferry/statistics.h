// What values a tensor holds, in numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tensorferry/compare.h"
#include "tensorferry/export.h"
#include "tensorferry/manifest.h"

namespace TENSORFERRY_API tensorferry {

/// Of all numbers of a tensor. A complex element counts as two numbers, its parts; bool as 0 and 1.
struct Statistics {
  std::uint64_t count = 0;  ///< numbers; 0 for strings and opaque types
  std::uint64_t zeros = 0;  ///< of either sign
  std::uint64_t nans = 0;
  std::uint64_t positive_infinities = 0, negative_infinities = 0;

  // Of the finite numbers:
  std::uint64_t finite = 0;
  double min = 0, max = 0;  ///< rounded to a double; 0 without any number, as all below
  double mean = 0;
  double std = 0;  ///< of the population: divided by `finite`
  /// min and max exactly, as elements of number_dtype().
  std::array<std::byte, 16> min_element{}, max_element{};

  std::uint64_t infinities() const { return positive_infinities + negative_infinities; }
};

/// The dtype of the numbers that statistics() counts: of the parts for complex dtypes, else `dtype`
/// itself.
DType number_dtype(DType dtype);

/// One pass over the tensor, in bounded memory; its checksums are verified on the way. The result
/// depends on the values alone. Throws Error; for strings and opaque dtypes nothing is read and
/// `count` is 0.
Statistics statistics(const Tensor& tensor);

/// Of each tensor in the manifest's order; `problem` is set where it could not be read.
struct TensorStatistics {
  Statistics statistics;
  Problem problem;
};
std::vector<TensorStatistics> statistics_of_all(const Manifest& manifest,
                                                const ScanOptions& options = {});

}  // namespace tensorferry
