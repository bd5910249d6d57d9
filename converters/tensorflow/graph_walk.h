// Through the nodes of a graph, without holding it. graph.h has the structure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "graph.h"
#include "tensorferry/input.h"
#include "util/file_cursor.h"

namespace tensorferry::tensorflow {

/// Where in the file a message is.
struct MessageRange {
  std::uint64_t offset = 0, length = 0;
};

struct Node {
  std::string name, op;
  MessageRange value;        ///< AttrValue of the attribute "value"
  std::uint64_t values = 0;  ///< how many such attributes there are
};

class GraphWalk {
 public:
  struct Visitor {
    std::function<void(Node&&)> node;
    std::function<void(std::string name)> function_end;  ///< the nodes since the last end were its
    std::function<void(std::vector<std::string> tags)> meta_graph_end;
  };
  GraphWalk(const File& file, Visitor visitor);

  /// Throws Error(corrupt.message).
  void walk(GraphKind kind);

 private:
  /// Calls `visit(field, end of its contents)` for each field of the message that ends at `end`.
  template <typename Visit>
  void fields(std::uint64_t end, Visit visit);
  std::string text(std::uint64_t end);
  void meta_graph(std::uint64_t end);
  void graph(std::uint64_t end);
  void library(std::uint64_t end);
  void node(std::uint64_t end);
  void attribute(std::uint64_t end, Node& node);

  Visitor visitor_;
  FileCursor cursor_;
  std::uint64_t end_;
};

}  // namespace tensorferry::tensorflow
