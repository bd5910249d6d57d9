// What becomes of tensors on the way: other names, dtypes, dimensions. Descriptions change, no byte
// is touched before the tensor is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/export.h"
#include "tensorferry/manifest.h"

namespace TENSORFERRY_API tensorferry {

/// Every match of an ECMAScript expression in a name becomes `replacement`, in which $1, $2, ...
/// are its groups and $& is all of it.
struct Renaming {
  std::string expression, replacement;
};
/// "REGEX=REPLACEMENT", cut at the last `=`. Throws Error(usage.bad_edit).
Renaming parse_renaming(std::string_view text);

/// What becomes of tensors that a map of names does not mention.
enum class Unmapped : std::uint8_t { error, keep, drop };

/// Old names to new ones.
struct NameMap {
  std::map<std::string, std::string> names;
  Unmapped unmapped = Unmapped::error;
};
/// "kernel" -> "weight" from a JSON object of strings. Throws Error(corrupt.json),
/// Error(usage.name_map).
std::map<std::string, std::string> read_name_map(const std::filesystem::path& path);

/// Elements of the tensors whose name matches become numbers of another dtype: rounded to the
/// nearest one, ties to even (of float8_e8m0fnu, which has no fraction, to the larger). NaNs stay
/// NaNs: quiet, with their sign and their upper bits of payload. To bool: everything but zero is
/// true. From complex: the real part.
///
/// A pattern with wildcards takes only tensors of the kind of `to` (floating-point, integer,
/// complex or bool), so that a cast of the weights leaves counters and masks as they are; what it
/// leaves is noted. `from`, or a pattern without wildcards, takes any kind.
struct Casting {
  std::string pattern;        ///< a glob over the whole name
  std::optional<DType> from;  ///< only tensors of this dtype
  DType to = DType::unknown;
};
/// "GLOB=bfloat16", or "GLOB=float32>bfloat16" for tensors of float32 only; cut at the last `=`.
/// Throws Error(usage.bad_edit).
Casting parse_casting(std::string_view text);

/// Dimension d of the result is dimension axes[d] of the tensor, as numpy.transpose has it.
struct Transposition {
  std::string pattern;  ///< a glob over the whole name
  std::vector<std::size_t> axes;
};
/// "GLOB=3,2,0,1", cut at the last `=`. Throws Error(usage.bad_edit).
Transposition parse_transposition(std::string_view text);

/// All edits of one conversion, applied in the order of the members. Of castings and of
/// transpositions the first whose pattern matches a name counts.
struct Edits {
  std::vector<Renaming> rename = {};  ///< one after the other, on every name
  std::optional<NameMap> map = {};
  std::vector<Casting> cast = {};
  Overflow overflow = Overflow::fail;
  std::vector<Transposition> transpose = {};
  Attributes metadata = {};  ///< attributes of the whole that are set

  bool empty() const {
    return rename.empty() && !map && cast.empty() && transpose.empty() && metadata.empty();
  }
};

/// Applies them. A tensor that an edit does not fit (it has no entry in the map, a name that
/// another one has, another rank, a dtype that is no number) gets a problem, so that a conversion
/// refuses all of them at once. Throws Error(usage.no_match) listing the patterns that match no
/// tensor, Error(usage.bad_regex), Error(usage.bad_glob), Error(usage.axes) for axes that are no
/// permutation.
Edit edit(Edits edits);

/// What a cast has done to the elements of one tensor.
struct CastReport {
  std::string name;  ///< of the tensor
  DType from = DType::unknown, to = DType::unknown;
  Overflow overflow = Overflow::fail;  ///< what was asked for
  std::uint64_t elements = 0;
  std::uint64_t changed = 0;     ///< that are another number now
  std::uint64_t first = 0;       ///< row-major index of the first of them
  std::uint64_t overflowed = 0;  ///< of those, what `to` cannot hold (Overflow)
  std::uint64_t first_overflowed = 0;
  std::uint64_t underflowed = 0;  ///< of the changed, what was not zero and is zero now
  std::uint64_t first_underflowed = 0;
  double absolute = 0, relative = 0;  ///< largest |new - old| and |new - old| / |old| of the others
};

}  // namespace tensorferry
