// New weights in an existing model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tensorferry/convert.h"
#include "tensorferry/edits.h"
#include "tensorferry/export.h"

namespace TENSORFERRY_API tensorferry {

struct InjectOptions {
  ReadOptions model;    ///< how the model is read
  ReadOptions weights;  ///< how the weights are read
  Selection selection;  ///< of the weights
  /// Of what is selected. A map leads from names of weights to those of the model; what it does not
  /// mention keeps its name. The model keeps its metadata: Edits::metadata must be empty.
  Edits edits;
  bool bookkeeping = false;  ///< what is not a weight counts, too
  /// What becomes of weights that the model has no tensor for: error names all of them, drop leaves
  /// them out with a note. They cannot be kept: Error(usage.bad_value).
  Unmapped unmapped = Unmapped::error;
  bool allow_empty = false;  ///< no weight for any tensor is not an error
  bool require_all = false;  ///< a tensor of the model that gets no weight is an error
  std::map<std::string, std::string> write_options;  ///< of the writer of the model's format
  RunOptions run;
};

/// What inject() is about to do.
struct PreparedInjection {
  ConversionPlan plan;
  std::vector<std::string> kept;     ///< tensors of the model that stay as they are
  std::vector<std::string> lacking;  ///< weights that are left out
};

/// Puts weights, from any format that can be read, in the place of the tensors of the same names of
/// a model whose format can be injected into (Format::patcher). Dtype and shape must be those of
/// the model. Bytes of the model that do not have to change stay as they are. Throws with
/// everything that does not fit or cannot be read at once, Error(usage.does_not_fit) when it can be
/// read; Error(unsupported.no_patcher).
PreparedInjection prepare_injection(const std::filesystem::path& model,
                                    const std::filesystem::path& weights,
                                    const std::filesystem::path& target,
                                    const InjectOptions& options = {});
PreparedInjection prepare_injection(const Input& model, const Input& weights,
                                    const std::filesystem::path& target,
                                    const InjectOptions& options = {});

/// prepare_injection and run. The receipt counts the tensors that were replaced. Of the target:
/// complete or not at all.
Receipt inject(const std::filesystem::path& model, const std::filesystem::path& weights,
               const std::filesystem::path& target, const InjectOptions& options = {});

}  // namespace tensorferry
