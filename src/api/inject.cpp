#include "tensorferry/inject.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <utility>

#include "util/text.h"

namespace tensorferry {
namespace {

const Format& injectable(const Input& model, const std::string& from) {
  const Registry& registry = Registry::global();
  const Format& format = from.empty() ? registry.detect(model) : registry.at(from);
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

bool is_number(DType dtype) {
  const DTypeKind kind = info(dtype).kind;
  return kind != DTypeKind::string && kind != DTypeKind::opaque;
}

/// Which weight goes where.
class Matching {
 public:
  Matching(const Manifest& model, Manifest weights, const InjectOptions& options)
      : model_(model), options_(options), weights_(std::move(weights)) {
    index_.reserve(model.tensors.size());
    for (std::size_t i = 0; i < model.tensors.size(); ++i) index_.emplace(model.tensors[i].name, i);
    patched = model;
  }

  void match() {
    std::vector<bool> replaced(model_.tensors.size(), false);
    for (Tensor& weight : weights_.tensors) {
      const auto found = index_.find(weight.name);
      if (found == index_.end()) {
        lacking.push_back(weight.name);
        continue;
      }
      replaced[found->second] = true;
      check_pair(model_.tensors[found->second], weight);
      Tensor& target = patched.tensors[found->second];
      target.stored = weight.stored;
      target.problem = weight.problem;
      replacements.tensors.push_back(std::move(weight));
    }
    for (std::size_t i = 0; i < replaced.size(); ++i)
      if (!replaced[i]) kept.push_back(model_.tensors[i].name);
    refuse();
    replacements.notes = std::move(weights_.notes);
    replacements.sources = std::move(weights_.sources);
    add_notes();
  }

  Manifest replacements, patched;
  std::vector<std::string> kept, lacking;

 private:
  void check_pair(const Tensor& target, const Tensor& weight) {
    if (weight.problem) return;  // told with the others that cannot be read
    const std::string name = "\"" + printable(target.name) + "\": ";
    // Where the old elements are missing, new ones may come all the same.
    if (target.problem && target.problem->code() != ErrorCode::input) {
      complaints_.push_back(name + "the model's tensor cannot be read: " + target.problem->id() +
                            ": " + target.problem->message());
      return;
    }
    std::string line;
    if (weight.shape != target.shape) {
      line = "shape " + to_string(weight.shape) + ", the model has " + to_string(target.shape);
      if (const auto axes = axes_between(weight.shape, target.shape))
        line += " (--transpose '" + printable(target.name) + "=" + *axes + "' would fit)";
    }
    if (weight.dtype != target.dtype) {
      if (!line.empty()) line += "; ";
      line += std::string(to_string(weight.dtype)) + ", the model has " +
              std::string(to_string(target.dtype));
      if (is_number(weight.dtype) && is_number(target.dtype))
        line += " (--cast '" + printable(target.name) + "=" + std::string(to_string(target.dtype)) +
                "' would fit)";
    }
    if (!line.empty()) complaints_.push_back(name + line);
  }

  void refuse() {
    constexpr std::size_t kMostLines = 50;
    std::string message;
    if (!lacking.empty() && options_.lacking == Lacking::error) {
      message += "\n  " + std::to_string(lacking.size()) +
                 " that the model lacks: " + join_names(lacking, kMostLines) +
                 "\n    (--unmapped drop leaves them out; tensorferry ls names what the model has)";
    }
    for (std::size_t i = 0; i < std::min(complaints_.size(), kMostLines); ++i)
      message += "\n  " + complaints_[i];
    if (complaints_.size() > kMostLines)
      message += "\n  and " + std::to_string(complaints_.size() - kMostLines) + " more";
    if (options_.require_all && !kept.empty()) {
      message +=
          "\n  " + std::to_string(kept.size()) +
          " of the model that get no weight (--require-all): " + join_names(kept, kMostLines);
    }
    if (!message.empty())
      throw Error(ErrorCode::usage, "does_not_fit", "the weights do not fit the model:" + message);
    if (replacements.tensors.empty()) {
      throw Error(ErrorCode::usage, "nothing_selected",
                  "no tensor of the model has the name of a weight");
    }
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

  const Manifest& model_;
  const InjectOptions& options_;
  Manifest weights_;
  std::unordered_map<std::string_view, std::size_t> index_;
  std::vector<std::string> complaints_;
};

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
  const Input input = Input::open(model);
  const Format& format = injectable(input, options.model.from);
  ReadOptions how = options.model;
  how.from = format.name;
  const Manifest described = read(input, how);
  Manifest given = select(options.selection)(read(weights, options.weights));
  if (!options.bookkeeping) given = drop_bookkeeping(options.weights.limits)(std::move(given));
  Matching matching(described, std::move(given), options);
  try {
    matching.match();
  } catch (const Error& error) {
    throw error.in_file(model.string());
  }
  if (options.run.verify_output) refuse_verifying(matching.patched);
  return {ConversionPlan::make_patch(input, std::move(matching.patched),
                                     std::move(matching.replacements), format, target,
                                     options.write_options, options.model.limits),
          std::move(matching.kept), std::move(matching.lacking)};
}

Receipt inject(const std::filesystem::path& model, const std::filesystem::path& weights,
               const std::filesystem::path& target, const InjectOptions& options) {
  return std::move(prepare_injection(model, weights, target, options).plan).run(options.run);
}

}  // namespace tensorferry
