// Comparing elements of one dtype: which differ, and by how much.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensorferry/compare.h"

namespace tensorferry {

/// Takes the elements of both tensors in order, in pieces.
class ElementComparer {
 public:
  ElementComparer(DType dtype, const Tolerance& tolerance);

  /// `a` and `b` hold the same whole number of elements.
  void add(std::span<const std::byte> a, std::span<const std::byte> b);
  void add_strings(const std::vector<std::string>& a, const std::vector<std::string>& b);
  const ElementDifferences& result() const { return result_; }

 private:
  /// How far two elements with different bits are apart.
  struct Distance {
    double absolute = 0, relative = 0;
    std::uint64_t ulp = 0;
    bool nan = false;    // a number against a NaN
    bool near = false;   // the same value, both NaN, or within `ulp`
    bool close = false;  // within the tolerance
  };

  void add_different(const std::byte* a, const std::byte* b);
  void count(std::uint64_t index, const Distance& distance, const std::byte* a, const std::byte* b);
  Distance distance(const std::byte* a, const std::byte* b) const;
  Distance integer_distance(const std::byte* a, const std::byte* b) const;
  Distance real_distance(DType dtype, const std::byte* a, const std::byte* b) const;
  Distance complex_distance(const std::byte* a, const std::byte* b) const;
  bool within(double absolute, double magnitude) const;

  const DTypeInfo& row_;
  std::uint32_t element_bytes_;
  Tolerance tolerance_;
  ElementDifferences result_;
  bool worst_is_nan_ = false, any_worst_ = false;
};

}  // namespace tensorferry
