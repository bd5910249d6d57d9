// What a plan knows, for the functions that make one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "tensorferry/convert.h"

namespace tensorferry {

struct ConversionPlan::State {
  /// Of the tensors that the user has given; the rest comes with the layout.
  State(const Manifest& given, const Format& to, std::filesystem::path where,
        const Limits& allowed);

  Manifest manifest;
  Layout layout;
  std::optional<Manifest> whole;  // what reading the output back gives, if not the manifest
  Format format;
  std::filesystem::path target;
  Limits limits;
  std::size_t listed = 0;                // tensors of the manifest that the user has given
  std::uint64_t tensors = 0, bytes = 0;  // before strings were split
  std::map<std::string, std::uint64_t> carried;
  std::uint64_t aliases = 0;
};

/// All tensors that have a problem, in one error: missing files each once, then the problems with
/// the tensors that have them.
void refuse_problems(const Manifest& manifest);

/// Tensors that share their bytes with one before them.
std::uint64_t count_aliases(const Manifest& manifest);

/// What a writer is told of the target.
Output output_of(const std::filesystem::path& target);

}  // namespace tensorferry
