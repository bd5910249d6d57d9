#include "slot_names.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

namespace tensorferry::tensorflow {
namespace {

constexpr std::string_view kVariable = "/.ATTRIBUTES/VARIABLE_VALUE";
constexpr std::string_view kSlotMark = "/.OPTIMIZER_SLOT/";

// What TensorFlow 1 calls its slots, without a number behind; adam_m and adam_v are BERT's.
constexpr std::string_view kSlots[] = {"Adam",    "AdaMax",    "Momentum", "RMSProp",
                                       "Adagrad", "AdagradDA", "Adadelta", "Ftrl",
                                       "adam_m",  "adam_v",    "AdamW",    "LazyAdam"};
constexpr std::string_view kOptimizers[] = {"Adam",     "AdamW",   "Adamax",   "Nadam",
                                            "SGD",      "RMSprop", "Adagrad",  "Ftrl",
                                            "Adadelta", "Lion",    "Adafactor"};
constexpr std::string_view kKerasSlots[] = {"m",
                                            "v",
                                            "vhat",
                                            "momentum",
                                            "velocity",
                                            "rms",
                                            "accumulator",
                                            "accum_grad",
                                            "accum_var",
                                            "mg",
                                            "linear",
                                            "accumulated_grad",
                                            "accumulated_delta_var"};
constexpr std::string_view kHyperparameters[] = {"iter",  "iterations",    "beta_1",   "beta_2",
                                                 "decay", "learning_rate", "momentum", "rho"};

bool is_one_of(std::span<const std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// `Adam` of `Adam_1`.
std::string_view without_number(std::string_view word) {
  std::size_t end = word.size();
  while (end > 0 && word[end - 1] >= '0' && word[end - 1] <= '9') --end;
  const bool numbered = end > 1 && end < word.size() && word[end - 1] == '_';
  return numbered ? word.substr(0, end - 1) : word;
}

struct Split {
  std::string_view head, last;  ///< around the last slash
};

Split split(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  if (slash == std::string_view::npos) return {{}, name};
  return {name.substr(0, slash), name.substr(slash + 1)};
}

class SlotSearch {
 public:
  SlotSearch(const std::vector<Tensor>& tensors, const NameIndex& places)
      : tensors_(tensors), places_(places), found_(tensors.size()) {}

  std::vector<bool> run() && {
    for (const Tensor& tensor : tensors_) find_slot_owner(tensor.name);
    for (std::size_t i = 0; i < tensors_.size(); ++i) found_[i] = is_slot(i);
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      if (!found_[i] && is_scalar(i)) found_[i] = is_hyperparameter(i);
    }
    return std::move(found_);
  }

 private:
  bool is_scalar(std::size_t i) const { return tensors_[i].shape.empty(); }

  /// Whether there is a variable of that name that the tensor could be a slot of.
  bool has_variable(std::string_view name, std::size_t slot) const {
    const auto found = places_.find(name);
    return found && *found != slot && tensors_[*found].shape == tensors_[slot].shape &&
           tensors_[*found].dtype == tensors_[slot].dtype;
  }

  /// The same behind any scope.
  bool ends_in_variable(std::string_view name, std::size_t slot) const {
    for (;;) {
      if (has_variable(name, slot)) return true;
      const std::size_t slash = name.find('/');
      if (slash == std::string_view::npos) return false;
      name.remove_prefix(slash + 1);
    }
  }

  bool is_slot(std::size_t i) {
    const std::string_view name = tensors_[i].name;
    if (name.ends_with(kVariable)) return is_object_state(i, path_of(name));
    const Split parts = split(name);
    if (parts.head.empty()) return false;
    const std::string_view word = without_number(parts.last);
    if (is_one_of(kSlots, word) && ends_in_variable(parts.head, i)) {
      has_adam_ = has_adam_ || word == "Adam" || word == "AdaMax" || word.ends_with("AdamW") ||
                  word == "LazyAdam";
      return true;
    }
    return is_keras_slot(name, i);
  }

  static std::string_view path_of(std::string_view key) {
    return key.substr(0, key.size() - kVariable.size());
  }

  /// The optimizer that a slot's key names.
  void find_slot_owner(std::string_view key) {
    if (!key.ends_with(kVariable)) return;
    const std::size_t mark = key.rfind(kSlotMark);
    if (mark == std::string_view::npos) return;
    const std::size_t begin = mark + kSlotMark.size(), end = key.size() - kVariable.size();
    if (begin < end) optimizers_.insert(split(key.substr(begin, end - begin)).head);
  }

  /// S/Adam/V/m or S/Adam/m/V.
  bool is_keras_slot(std::string_view name, std::size_t i) {
    for (std::size_t begin = 0; begin < name.size();) {
      const std::size_t end = std::min(name.find('/', begin), name.size());
      if (end == name.size()) return false;
      if (is_one_of(kOptimizers, without_number(name.substr(begin, end - begin)))) {
        const std::string_view rest = name.substr(end + 1);
        const std::size_t slash = rest.find('/');
        const Split parts = split(rest);
        const bool behind = is_one_of(kKerasSlots, parts.last) && has_variable(parts.head, i);
        const bool before = slash != std::string_view::npos &&
                            is_one_of(kKerasSlots, rest.substr(0, slash)) &&
                            has_variable(rest.substr(slash + 1), i);
        if (behind || before) {
          optimizers_.insert(name.substr(0, end));
          return true;
        }
      }
      begin = end + 1;
    }
    return false;
  }

  /// A variable of an object graph whose path is `path`.
  bool is_object_state(std::size_t i, std::string_view path) const {
    if (path.find(kSlotMark) != std::string_view::npos) return true;
    const Split parts = split(path);
    if (is_object_optimizer(parts.head)) return is_scalar(i);
    const Split list = split(parts.head);
    if (list.last == "_variables") return is_object_optimizer(list.head);
    return list.last == "loss_scale" && is_scalar(i) && is_object_optimizer(list.head);
  }

  bool is_object_optimizer(std::string_view path) const {
    return optimizers_.contains(path) ||
           (has_scalar(path, "/_iterations") && has_scalar(path, "/_learning_rate")) ||
           (has_scalar(path, "/iter") &&
            (has_scalar(path, "/learning_rate") || has_scalar(path, "/decay")));
  }

  bool has_scalar(std::string_view path, std::string_view child) const {
    const auto found = places_.find(std::string(path).append(child).append(kVariable));
    return found && is_scalar(*found);
  }

  bool is_hyperparameter(std::size_t i) const {
    const Split parts = split(tensors_[i].name);
    const std::string_view word = without_number(parts.last);
    if (word == "beta1_power" || word == "beta2_power") return has_adam_;
    if (!is_one_of(kHyperparameters, parts.last)) return false;
    if (optimizers_.contains(parts.head)) return true;
    // Plain SGD has no slots.
    return is_one_of(kOptimizers, without_number(split(parts.head).last)) &&
           places_.contains(std::string(parts.head) + "/iter") &&
           places_.contains(std::string(parts.head) + "/learning_rate");
  }

  const std::vector<Tensor>& tensors_;
  const NameIndex& places_;
  std::unordered_set<std::string_view> optimizers_;  ///< paths, without a slash behind
  std::vector<bool> found_;
  bool has_adam_ = false;
};

}  // namespace

std::vector<bool> optimizer_variables(const std::vector<Tensor>& tensors, const NameIndex& places) {
  return SlotSearch(tensors, places).run();
}

}  // namespace tensorferry::tensorflow
