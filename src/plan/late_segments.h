// Bytes that are known only when everything else is written.
#pragma once

#include <vector>

#include "io/output_files.h"
#include "tensorferry/layout.h"

namespace tensorferry {

/// Writes `segments` over what lies in the files or behind it, those of a file in one go.
/// `sync_each` is OutputFiles::complete's.
void write_segments(std::vector<Segment> segments, const std::vector<OutputFile>& files,
                    OutputFiles& output, bool sync_each);

}  // namespace tensorferry
