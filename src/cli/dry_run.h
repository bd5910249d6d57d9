// What a conversion is about to do, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "tensorferry/convert.h"

namespace tensorferry::cli {

/// A tensor of the source that is not written.
struct LeftOut {
  std::string name;
  const char* reason;  ///< "bookkeeping", "damaged", "not selected", "not in the model"
};
/// Reads the source's descriptions once more and compares.
std::vector<LeftOut> left_out_of(const PreparedConversion& prepared, const Input& source,
                                 const ConvertOptions& options);

std::string plan_text(const ConversionPlan& plan, const std::vector<LeftOut>& left_out,
                      const RunOptions& options);
/// One object, one line.
std::string plan_json(const ConversionPlan& plan, const std::vector<LeftOut>& left_out,
                      const RunOptions& options);

}  // namespace tensorferry::cli
