// Comparing elements: which differ, and by how much.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensorferry/compare.h"

namespace tensorferry {

/// Whether the values of such elements can be compared: one dtype, or two that are numbers.
bool are_comparable(DType a, DType b);

/// Takes the elements of both tensors in order, in pieces.
class ElementComparer {
 public:
  /// REQUIRES: are_comparable(a, b).
  ElementComparer(DType a, DType b, const Tolerance& tolerance);

  /// `a` and `b` hold the same whole number of elements.
  void add(std::span<const std::byte> a, std::span<const std::byte> b);
  void add_strings(const std::vector<std::string>& a, const std::vector<std::string>& b);
  const ElementDifferences& result() const { return result_; }

 private:
  /// How far two elements that differ are apart.
  struct Distance {
    double absolute = 0, relative = 0;
    std::uint64_t ulp = 0;
    bool nan = false;    // a number against a NaN
    bool near = false;   // the same value, both NaN, or within `ulp`
    bool close = false;  // within the tolerance
  };
  /// A number, and the bytes of which its dtype is made.
  struct Value {
    DType dtype;
    const std::byte* bytes;
    long double number;
  };

  void add_same_dtype(std::span<const std::byte> a, std::span<const std::byte> b);
  void add_numbers(const std::byte* a, const std::byte* b, std::size_t count);
  void add_complex(const std::byte* a, const std::byte* b);
  void count_difference(std::uint64_t index, const Distance& distance, const std::byte* a,
                        const std::byte* b);
  Distance distance(const std::byte* a, const std::byte* b) const;
  Distance integer_distance(const std::byte* a, const std::byte* b) const;
  Distance real_distance(const Value& x, const Value& y, std::uint64_t ulp) const;
  Distance complex_distance(const std::byte* a, const std::byte* b) const;
  bool within(double absolute, double magnitude) const;

  const DTypeInfo& row_a_;
  const DTypeInfo& row_b_;
  std::uint32_t bytes_a_, bytes_b_;
  Tolerance tolerance_;
  ElementDifferences result_;
  bool worst_is_nan_ = false, any_worst_ = false;
};

}  // namespace tensorferry
