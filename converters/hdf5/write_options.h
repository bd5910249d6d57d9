// The options of the writer.
#pragma once

#include <cstdint>

#include "tensorferry/format.h"

namespace tensorferry::hdf5 {

struct Compression {
  bool gzip = false, shuffle = true;
  unsigned level = 0;
  std::uint64_t chunk = 0;  ///< bytes
};

/// Throws Error(usage.bad_option).
Compression compression_of(const Options& options);

}  // namespace tensorferry::hdf5
