// The one thing that moves bytes: in parallel, in bounded memory, the same output at any number of
// threads.
#pragma once

#include <cstdint>
#include <vector>

#include "io/output_files.h"
#include "tensorferry/convert.h"
#include "tensorferry/layout.h"
#include "tensorferry/manifest.h"

namespace tensorferry {

struct MoveResult {
  std::uint64_t changed_bools = 0;  ///< bool bytes that were neither 0 nor 1
  std::uint64_t bytes = 0;          ///< of output, before it is compressed
  std::vector<CastReport> casts;
};

/// Writes every file of the layout into `output`, verifies every checksum of the sources, and
/// leaves the commit to the caller. Throws the first Error of any thread.
MoveResult move_all(const Manifest& manifest, Layout& layout, OutputFiles& output,
                    const RunOptions& options);

}  // namespace tensorferry
