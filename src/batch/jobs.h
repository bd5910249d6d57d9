// What the parts of a batch ask of a job.
#pragma once

#include <filesystem>
#include <string>

#include "tensorferry/batch.h"

namespace tensorferry {

/// Absolute, without a trailing slash.
std::filesystem::path full_path(const std::filesystem::path& path);

/// Source, target and settings as one text of hexadecimal digits.
std::string job_digest(const BatchJob& job);

}  // namespace tensorferry
