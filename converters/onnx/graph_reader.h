// Collects the tensors of a model: those of its graphs, of the graphs inside them, of functions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tensorferry/manifest.h"
#include "tensors.h"

namespace tensorferry::onnx {

/// The TensorProto that a listed tensor stands in, as a range of the model's file.
struct Place {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  ///< 0 = it is more than one message, or numbers of a node
  bool external = false;     ///< its elements, or some of them, are in another file
};

class GraphReader {
 public:
  GraphReader(const Input& input, const Limits& limits)
      : file_(input.file()), files_(input), limits_(limits) {}

  /// The graph of the model.
  void main_graph(const FileRange& graph) { read_graph(graph, 0, 1); }
  void training_info(const FileRange& message, std::uint64_t number);
  void function(const FileRange& message);

  /// All of them. Tensors of the main graph have their own names; others are called
  /// OWNER/NAME, and OWNER/NAME#2 if that is taken. Throws Error(corrupt.duplicate_name).
  std::vector<Tensor> take();
  /// Numbers of nodes that are no tensors: coefficients, the values of trees.
  std::optional<Note> note() const;
  /// Where they stand, in the same order.
  std::vector<Place> take_places() { return std::move(places_); }

 private:
  struct Attribute;
  struct Node {
    std::string name, op, domain, output;
    FileRange message;
    std::uint64_t attributes = 0;
    bool is_constant() const;
    std::string label(std::uint64_t index) const;
  };

  std::size_t new_scope(std::size_t parent, const std::string& owner);
  void read_graph(const FileRange& graph, std::size_t scope, int depth);
  Node read_node(const FileRange& message);
  void visit_node(const Node& node, std::uint64_t index, std::size_t scope, int depth);
  void visit_attribute(const FileRange& message, const Node& node, const std::string& label,
                       std::size_t scope, int depth);
  bool add_constant(const FileRange& message, const Attribute& attribute, const std::string& name,
                    std::size_t scope);
  /// A tensor whose description `fill` gives; what it throws becomes its problem.
  template <typename Fill>
  void add(std::string name, std::size_t scope, const Place& place, Fill fill);
  void add_tensor(const StoredTensor& stored, std::string name, std::size_t scope);
  void add_sparse(const FileRange& message, const std::string* name, std::size_t scope);
  void check_depth(int depth) const;
  void count_numbers(const Node& node, const Attribute& attribute);

  std::shared_ptr<const File> file_;
  ExternalFiles files_;
  const Limits& limits_;
  std::vector<Tensor> tensors_;
  std::vector<Place> places_;            ///< by tensor
  std::vector<std::uint32_t> scope_of_;  ///< by tensor
  std::vector<std::string> scopes_ = {""};
  std::uint64_t name_bytes_ = 0;
  std::set<std::uint64_t> nodes_with_numbers_;  ///< where they stand
  std::set<std::string> ops_with_numbers_;
  std::uint64_t numbers_ = 0;
};

}  // namespace tensorferry::onnx
