#include "graph_roles.h"

#include <algorithm>
#include <string_view>

namespace tensorferry::tensorflow {
namespace {

constexpr std::string_view kTrainable = "_trainable_variables";

class OptimizerSearch {
 public:
  explicit OptimizerSearch(const TrackableGraph& graph)
      : graph_(graph),
        is_optimizer_(graph.nodes()),
        outside_(graph.nodes()),
        trained_(graph.nodes()),
        state_(graph.nodes()) {}

  std::vector<bool> run() && {
    for (std::size_t node = 0; node < graph_.nodes(); ++node) {
      is_optimizer_[node] = looks_like_optimizer(node);
    }
    visit({0}, outside_, [&](std::size_t, const Child& to) { return !is_optimizer_[to.node]; });
    mark_trained();
    std::vector<std::size_t> optimizers;
    for (std::size_t node = 0; node < graph_.nodes(); ++node) {
      if (is_optimizer_[node]) optimizers.push_back(node);
    }
    visit(optimizers, state_, [&](std::size_t, const Child& to) {
      return graph_.text(to.name) != kTrainable && !outside_[to.node] && !trained_[to.node];
    });
    for (const std::size_t node : optimizers) {
      for (const auto& slot : graph_.slots(node)) {
        if (!trained_[slot.node]) state_[slot.node] = true;
      }
    }
    return std::move(state_);
  }

 private:
  using Child = TrackableGraph::Child;

  bool looks_like_optimizer(std::size_t node) const {
    if (!graph_.slots(node).empty()) return true;
    const auto has = [&](std::string_view name) {
      const auto children = graph_.children(node);
      return std::any_of(children.begin(), children.end(),
                         [&](const Child& child) { return graph_.text(child.name) == name; });
    };
    // Keras since 2.11; the optimizers before; the scale of a loss in mixed precision.
    return (has("_iterations") && (has("_learning_rate") || has("_variables"))) ||
           (has("iter") && (has("learning_rate") || has("decay"))) ||
           (has("current_loss_scale") && has("good_steps"));
  }

  /// What is reached from the roots over the children that `follow` takes.
  template <typename Follow>
  void visit(std::vector<std::size_t> open, std::vector<bool>& reached, Follow follow) const {
    std::erase_if(open, [&](std::size_t node) { return node >= graph_.nodes(); });
    for (const std::size_t node : open) reached[node] = true;
    while (!open.empty()) {
      const std::size_t node = open.back();
      open.pop_back();
      for (const Child& child : graph_.children(node)) {
        if (reached[child.node] || !follow(node, child)) continue;
        reached[child.node] = true;
        open.push_back(child.node);
      }
    }
  }

  /// The variables that optimizers change.
  void mark_trained() {
    for (std::size_t node = 0; node < graph_.nodes(); ++node) {
      for (const auto& slot : graph_.slots(node)) trained_[slot.original] = true;
      if (!is_optimizer_[node]) continue;
      for (const Child& list : graph_.children(node)) {
        if (graph_.text(list.name) != kTrainable) continue;
        for (const Child& variable : graph_.children(list.node)) trained_[variable.node] = true;
      }
    }
  }

  const TrackableGraph& graph_;
  std::vector<bool> is_optimizer_;
  std::vector<bool> outside_;  ///< reached without an optimizer
  std::vector<bool> trained_;
  std::vector<bool> state_;
};

}  // namespace

std::vector<bool> optimizer_state(const TrackableGraph& graph) {
  return OptimizerSearch(graph).run();
}

}  // namespace tensorferry::tensorflow
