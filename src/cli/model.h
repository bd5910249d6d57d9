// A model as the commands see it: opened as the options say, and the tensors that are meant.
#pragma once

#include <optional>
#include <string>

#include "arguments.h"
#include "tensorferry/convert.h"
#include "tensorferry/format.h"
#include "tensorferry/manifest.h"

namespace tensorferry::cli {

/// --from --in-opt --names --limit
OptionGroup input_options();
/// --include --exclude --scope --regex --allow-empty
OptionGroup selection_options();

/// Sets what the options of a group say that `tensorferry convert` has. Throws Error(usage).
void set_options(ConvertOptions& options, const Arguments& arguments, const OptionGroup& group);
/// What those of the groups above say. Throw Error(usage).
ReadOptions read_options(const Arguments& arguments);
Selection selection(const Arguments& arguments);

/// What an operand names: a path, or `-` for standard input. Throws Error(input).
Input open_input(const std::string& operand, const ReadOptions& options);

struct Model {
  std::string path;  ///< as the user wrote it
  Input input;
  const Format* format;
  Manifest manifest;
};

/// Opens the file, with ReadOptions::check_skipped, and keeps the selected tensors. Throws
/// Error(usage.empty_selection) when a selection leaves none.
Model open_model(const std::string& path, const Arguments& arguments, bool check_skipped = false);

/// Tensor::bytes(), or nothing when the shape overflows.
std::optional<std::uint64_t> bytes_of(const Tensor& tensor);

/// Whether a listing ends with an error because of this tensor: what is no weight may be of a kind
/// that cannot be read.
bool counts_as_failure(const Tensor& tensor, const Error& problem);

}  // namespace tensorferry::cli
