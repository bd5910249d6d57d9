// What compare() found, for people and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "json_text.h"
#include "tensorferry/compare.h"

namespace tensorferry::cli {

/// A line for each difference and, with a tolerance, each tensor that is close; then how many are
/// the same.
std::string comparison_text(const Comparison& comparison);
/// {"equal", "same", "close": [...], "differences": [...]}
Json comparison_json(const Comparison& comparison);

/// 0 = the same, 1 = different, or the class of what could not be read.
int exit_code(const Comparison& comparison);

}  // namespace tensorferry::cli
