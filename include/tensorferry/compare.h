// Whether two models hold the same, and whether one is undamaged. Nothing here writes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tensorferry/convert.h"
#include "tensorferry/export.h"
#include "tensorferry/manifest.h"

namespace TENSORFERRY_API tensorferry {

/// How tensors are read through: in parallel, each as a stream; about 4 MiB a thread, and one
/// tensor of strings at a time.
struct ScanOptions {
  unsigned threads = 0;  ///< 0 = as many as there are processors, at most 4
  Limits limits;
  std::function<void(const Progress&)>
      progress;  ///< bytes read; from one thread at a time, at most ten times a second
  const std::atomic<bool>* cancel = nullptr;  ///< set to true: throws Error(input.cancelled)
};

/// How far elements of A and B may be apart. Without any of the four their bits are compared.
/// Otherwise an element b is close to a when |a - b| <= absolute + relative * |b| (as in
/// numpy.isclose), or when `ulp` or fewer representable values lie from one to the other. Any two
/// NaNs are then close, and -0.0 is close to 0.0; an infinity only to itself, a number never to a
/// NaN. Integers know no `ulp`; bool, strings and opaque bytes are always compared as they are.
///
/// Numbers of two dtypes are compared by their exact values. Their distance in representable values
/// is that of the dtype with the shorter fraction, after the other number has been rounded to it: 0
/// where a cast gives just that element.
struct Tolerance {
  double absolute = 0, relative = 0;
  std::optional<std::uint64_t> ulp = {};
  bool values = false;  ///< compare values, not bits, even without any of the above
  bool exact() const { return absolute == 0 && relative == 0 && !ulp && !values; }
};

/// How the elements of two tensors of one shape differ. Errors are of elements whose bits differ
/// (of two dtypes: whose values differ); those of two numbers count for the largest ones, a number
/// against a NaN is counted apart.
struct ElementDifferences {
  std::uint64_t elements = 0;  ///< compared
  std::uint64_t bits = 0;      ///< with different bits; of two dtypes, with different values
  std::uint64_t apart = 0;     ///< further apart than the tolerance
  std::uint64_t nan = 0;       ///< a NaN against a number
  std::uint64_t first =
      0;  ///< row-major index of the first one apart; without any, of the first with different bits
  std::uint64_t worst =
      0;  ///< of the largest absolute error, the first of several; a NaN against a number is worse
  std::array<std::byte, 16> worst_a{},
      worst_b{};          ///< that element, as in the representation; not of strings
  double absolute = 0;    ///< largest |a - b|
  double relative = 0;    ///< largest |a - b| / |b|
  std::uint64_t ulp = 0;  ///< largest distance in representable values; of real and complex dtypes
};

/// One way in which A and B are not the same.
struct Difference {
  enum class Kind : std::uint8_t { only_a, only_b, dtype, shape, values, unreadable };
  Kind kind = Kind::values;
  std::string name_a, name_b;  ///< of the tensor; empty in the one that has none
  DType dtype_a = DType::unknown, dtype_b = DType::unknown;
  Shape shape_a, shape_b;
  ElementDifferences elements;  ///< of Kind::values
  Problem problem;              ///< of Kind::unreadable: why A's or B's elements cannot be read
};

struct Comparison {
  std::uint64_t same = 0;               ///< tensors with the same dtype, shape and bits
  std::vector<Difference> differences;  ///< in the order of A, then what is only in B
  std::vector<Difference> close;        ///< Kind::values, all of it within the tolerance
  std::uint64_t bytes = 0;              ///< read from A
  bool equal() const { return differences.empty(); }
};

struct CompareOptions {
  Tolerance tolerance;
  std::map<std::string, std::string> names =
      {};  ///< A's names to B's; all others are the same in both
  ScanOptions scan = {};
};

/// Compares all tensors of both, bookkeeping too, by name. Values are compared where dtype and
/// shape are the same, and, unless the tolerance is exact(), where both dtypes are numbers: such a
/// pair is a difference of Kind::values, or close when no element is apart. Throws
/// Error(usage.name_map) when `names` leads two tensors of A to one of B; what cannot be read is a
/// difference.
Comparison compare(const Manifest& a, const Manifest& b, const CompareOptions& options = {});

/// What reading one tensor through has shown.
struct TensorCheck {
  std::vector<std::string>
      checksums;  ///< the kinds that were verified: "crc32c", "sha256"; empty = there is none
  std::uint64_t bytes = 0;
  Problem problem;  ///< damaged, missing, or not readable
};

/// Reads every tensor through, in the manifest's order, and verifies each checksum there is. Sizes,
/// ranges and the checksums of metadata were verified by read().
std::vector<TensorCheck> check_tensors(const Manifest& manifest, const ScanOptions& options = {});

struct TensorHash {
  std::string sha256;  ///< as sha256() gives it; empty when the tensor cannot be read
  Problem problem;     ///< why
};

/// The hash of every tensor, in the manifest's order.
std::vector<TensorHash> hash_tensors(const Manifest& manifest, const ScanOptions& options = {});

}  // namespace tensorferry
