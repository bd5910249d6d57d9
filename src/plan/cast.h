// Elements of one dtype as elements of another, and what that does to their values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "tensorferry/edits.h"

namespace tensorferry {

/// What became of a run of elements. Indices are row-major ones of the tensor.
struct CastTally {
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  std::uint64_t changed = 0, first = kNone;
  std::uint64_t overflowed = 0, first_overflowed = kNone;
  std::uint64_t underflowed = 0, first_underflowed = kNone;  // what was not zero and is zero now
  double absolute = 0, relative = 0;

  void merge(const CastTally& other);
};

/// Casts numbers, both sides as in the representation; `first` is the index of the first of them.
/// The rules are those of Casting and Overflow. The result does not depend on the processor nor on
/// its floating-point environment. `relative` is an error met before: smaller ones need not be
/// found.
CastTally cast_elements(DType from, DType to, Overflow overflow, std::span<const std::byte> in,
                        std::span<std::byte> out, std::uint64_t first, double relative = 0);

/// The same of any dtypes, one element at a time: what the fast paths are held to.
CastTally cast_exactly(DType from, DType to, Overflow overflow, std::span<const std::byte> in,
                       std::span<std::byte> out, std::uint64_t first);

/// The tallies of the tensors of one run. Thread-safe.
class CastTallies {
 public:
  void add(std::uint64_t tensor, const CastTally& tally);
  /// The largest relative error of that tensor so far.
  double relative(std::uint64_t tensor) const;
  /// In the order of the manifest; of every tensor that was cast.
  std::vector<CastReport> reports(const Manifest& manifest) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, CastTally> tallies_;
};

/// Throws Error(lossy.overflow) listing all casts that should fail and met what the dtype cannot
/// hold.
void refuse_overflow(const std::vector<CastReport>& reports);

}  // namespace tensorferry
