// The options that shape tensors on the way.
#pragma once

#include "arguments.h"
#include "tensorferry/edits.h"

namespace tensorferry::cli {

/// --rename, --map, --unmapped, --cast, --cast-overflow, --transpose, --metadata.
OptionGroup edit_options();
/// What they ask for. Throws Error(usage), also for --unmapped without a map, unless the command
/// has another use for it.
Edits edits(const Arguments& arguments, bool unmapped_needs_map = true);
/// --unmapped. Throws Error(usage.bad_value).
Unmapped unmapped(const Arguments& arguments);

/// One line: {"event": "cast", "name": ..., and the fields of the report}.
std::string cast_json(const CastReport& cast);
/// What the casts did, a line each on standard error.
void print_casts(const std::vector<CastReport>& casts);

}  // namespace tensorferry::cli
