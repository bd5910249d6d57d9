// Through the nodes of a graph, without holding it. graph.h has the structure.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "graph.h"
#include "tensorferry/input.h"
#include "util/file_cursor.h"

namespace tensorferry::tensorflow {

struct Node {
  std::string name, op;
  wire::MergedMessage value;  ///< AttrValue of the attribute "value"
};

class GraphWalk {
 public:
  struct Visitor {
    std::function<void(Node&&)> node;
    std::function<void(std::string name)> function_end;  ///< the nodes since the last end were its
    std::function<void(std::vector<std::string> tags)> meta_graph_end;
  };
  GraphWalk(std::shared_ptr<const File> file, Visitor visitor)
      : file_(std::move(file)), visitor_(std::move(visitor)) {}

  /// Throws Error(corrupt.message), Error(corrupt.truncated).
  void walk(GraphKind kind);

 private:
  void meta_graph(const FileRange& message);
  void graph(const FileRange& message);
  void library(FileCursor& cursor, const FileRange& graph, std::uint64_t end);
  void node(FileCursor& cursor, const FileRange& graph, std::uint64_t end);

  std::shared_ptr<const File> file_;
  Visitor visitor_;
};

}  // namespace tensorferry::tensorflow
