#include "tensorferry/inject.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "util/name_index.h"
#include "util/text.h"

namespace tensorferry {
namespace {

const Format& injectable(Input& model, const std::string& from) {
  const Registry& registry = Registry::global();
  const Format& format = registry.of(model, from);
  if (format.patcher) return format;
  std::vector<std::string> names;
  for (const Format& other : registry.formats()) {
    if (other.patcher) names.emplace_back(other.name);
  }
  throw Error(
      ErrorCode::unsupported, "no_patcher",
      "is " + std::string(format.title) + "; weights can be injected into: " + join_names(names))
      .in_file(model.name());
}

/// The order of axes that turns one shape into the other: the one of convolution kernels if it
/// does, else the first.
std::optional<std::string> axes_between(const Shape& from, const Shape& to) {
  constexpr std::size_t kMostAxes = 6;
  if (from.size() != to.size() || from.size() < 2 || from.size() > kMostAxes) return std::nullopt;
  const auto fits = [&](const std::vector<std::size_t>& axes) {
    for (std::size_t i = 0; i < axes.size(); ++i)
      if (from[axes[i]] != to[i]) return false;
    return true;
  };
  std::vector<std::size_t> axes(from.size());
  std::iota(axes.begin(), axes.end(), 0);
  const std::vector<std::size_t> kernel = {3, 2, 0, 1};
  if (from.size() == kernel.size() && fits(kernel)) {
    axes = kernel;
  } else {
    bool found = fits(axes);
    while (!found && std::next_permutation(axes.begin(), axes.end())) found = fits(axes);
    if (!found) return std::nullopt;
  }
  std::string text;
  for (const std::size_t axis : axes) text += (text.empty() ? "" : ",") + std::to_string(axis);
  return text;
}

/// Which weight goes where.
class Matching {
 public:
  Matching(Manifest model, Manifest weights, const InjectOptions& options)
      : patched(std::move(model)), options_(options), weights_(std::move(weights)) {}

  /// What does not fit gets a problem.
  void match() {
    const std::vector<Tensor>& of_model = patched.tensors;
    const NameIndex index(of_model);
    std::vector<bool> replaced(of_model.size(), false);
    replacements.tensors.reserve(weights_.tensors.size());
    for (Tensor& weight : weights_.tensors) {
      const auto found = index.find(weight.name);
      if (!found) {
        lacking.push_back(weight.name);
        if (options_.unmapped == Unmapped::drop) continue;
        refuse(weight, "the model has no such tensor (--unmapped drop goes on without it)");
      } else {
        replaced[*found] = true;
        Tensor& target = patched.tensors[*found];
        check_pair(target, weight);
        target.stored = weight.stored;
        target.problem = weight.problem;
      }
      replacements.tensors.push_back(std::move(weight));
    }
    for (std::size_t i = 0; i < replaced.size(); ++i) {
      if (replaced[i]) continue;
      kept.push_back(of_model[i].name);
      if (!options_.require_all) continue;
      replacements.tensors.push_back(of_model[i]);
      replacements.tensors.back().problem = {};
      refuse(replacements.tensors.back(), "no weight for this tensor of the model (--require-all)");
    }
    replacements.notes = std::move(weights_.notes);
    replacements.sources = std::move(weights_.sources);
    add_notes();
  }

  Manifest patched;       ///< the model as it will be
  Manifest replacements;  ///< the weights that go into it
  std::vector<std::string> kept, lacking;

 private:
  /// The first problem of a tensor stays.
  static void refuse(Tensor& tensor, std::string why) {
    if (!tensor.problem) tensor.problem = Error(ErrorCode::usage, "does_not_fit", std::move(why));
  }

  static void check_pair(const Tensor& target, Tensor& weight) {
    // Where the old elements are missing, new ones may come all the same.
    if (target.problem && target.problem->code() != ErrorCode::input) {
      if (!weight.problem) weight.problem = target.problem;
      return;
    }
    std::string why;
    if (weight.shape != target.shape) {
      why = "has the shape " + to_string(weight.shape) + ", the model " + to_string(target.shape);
      if (const auto axes = axes_between(weight.shape, target.shape))
        why += " (--transpose '" + printable(target.name) + "=" + *axes + "' would fit)";
    }
    if (weight.dtype != target.dtype) {
      if (!why.empty()) why += "; ";
      why += "is " + std::string(to_string(weight.dtype)) + ", in the model " +
             std::string(to_string(target.dtype));
      if (is_number(weight.dtype) && is_number(target.dtype))
        why += " (--cast '" + printable(target.name) + "=" + std::string(to_string(target.dtype)) +
               "' would fit)";
    }
    if (!why.empty()) refuse(weight, std::move(why));
  }

  void add_notes() {
    constexpr std::size_t kMostNames = 5;
    if (!lacking.empty()) {
      replacements.notes.push_back({"inject.lacking", count_text(lacking) +
                                                          " that the model lacks left out: " +
                                                          join_names(lacking, kMostNames)});
    }
    if (!kept.empty()) {
      replacements.notes.push_back({"inject.kept", count_text(kept) + " of the model as before: " +
                                                       join_names(kept, kMostNames)});
    }
  }

  static std::string count_text(const std::vector<std::string>& names) {
    return std::to_string(names.size()) + (names.size() == 1 ? " tensor" : " tensors");
  }

  const InjectOptions& options_;
  Manifest weights_;
};

/// The weights as they are to be injected.
Manifest read_weights(const Input& input, const InjectOptions& options) {
  if (options.unmapped == Unmapped::keep) {
    throw Error(ErrorCode::usage, "bad_value",
                "weights that the model lacks cannot be kept: error or drop");
  }
  if (!options.edits.metadata.empty()) {
    throw Error(ErrorCode::usage, "metadata", "the model keeps its metadata: none can be set");
  }
  Manifest weights = select(options.selection)(read(input, options.weights));
  if (!options.bookkeeping) weights = drop_bookkeeping()(std::move(weights));
  Edits edits = options.edits;
  if (edits.map) edits.map->unmapped = Unmapped::keep;
  return edit(std::move(edits))(std::move(weights));
}

/// Reading the output back compares everything, so everything must be readable.
void refuse_verifying(const Manifest& patched) {
  for (const Tensor& tensor : patched.tensors) {
    if (!tensor.problem) continue;
    throw Error(tensor.problem->code(), tensor.problem->detail(),
                "cannot be read, so that the output cannot be verified by reading it back: " +
                    tensor.problem->message())
        .in_tensor(tensor.name);
  }
}

}  // namespace

PreparedInjection prepare_injection(const std::filesystem::path& model,
                                    const std::filesystem::path& weights,
                                    const std::filesystem::path& target,
                                    const InjectOptions& options) {
  return prepare_injection(Input::open(model, open_options(options.model)),
                           Input::open(weights, open_options(options.weights)), target, options);
}

PreparedInjection prepare_injection(const Input& model, const Input& weights,
                                    const std::filesystem::path& target,
                                    const InjectOptions& options) {
  Input input = model;
  const Format& format = injectable(input, options.model.from);
  ReadOptions how = options.model;
  how.from = format.name;
  Matching matching(read(input, how), read_weights(weights, options), options);
  matching.match();
  if (matching.replacements.tensors.empty() && !options.allow_empty) {
    throw Error(ErrorCode::usage, "nothing_selected",
                "no tensor of the model has the name of a selected weight (--allow-empty goes on)" +
                    unmet_selections(matching.replacements))
        .in_file(weights.name());
  }
  if (options.run.verify_output) refuse_verifying(matching.patched);
  return {ConversionPlan::make_patch(input, std::move(matching.patched), matching.replacements,
                                     format, target, options.write_options, options.model.limits),
          std::move(matching.kept), std::move(matching.lacking)};
}

Receipt inject(const std::filesystem::path& model, const std::filesystem::path& weights,
               const std::filesystem::path& target, const InjectOptions& options) {
  return std::move(prepare_injection(model, weights, target, options).plan).run(options.run);
}

}  // namespace tensorferry
