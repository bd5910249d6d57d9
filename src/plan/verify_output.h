// Reading an output back before it is committed.
#pragma once

#include "tensorferry/convert.h"
#include "tensorferry/format.h"

namespace tensorferry {

/// Reads `output` with the format's reader, which is told `read_options`, and compares it with
/// `wanted`, bit for bit: every tensor there, none besides. Throws Error(output.verify) with what
/// differs, or what the reader throws.
void verify_output(const Input& output, const Format& format,
                   const std::map<std::string, std::string>& read_options, const Manifest& wanted,
                   const Limits& limits, const RunOptions& options);

}  // namespace tensorferry
