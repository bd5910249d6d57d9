// The object graph of a checkpoint: which Python object holds which variable, and under what name.
//
//   graph  1 node ...
//   node   1 child {1 node id, 2 local name} ... | 2 attribute {1 name, 2 full name, 3 key} ...
//          3 slot variable {1 original node id, 2 slot name, 3 slot node id} ...
//
// Node 0 is the root; there may be cycles, and several names for one node. Messages are those of
// TensorFlow's core/protobuf/trackable_object_graph.proto. They are walked where they lie, without
// a message object a node: a graph may have a million.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tensorferry::tensorflow {

/// A parsed graph. Every node id in it is the index of a node.
class TrackableGraph {
 public:
  /// A part of the message.
  struct Text {
    std::uint32_t offset = 0, length = 0;
  };
  struct Child {
    std::uint32_t node = 0;
    Text name;
  };
  struct Attribute {
    Text name, full_name, key;
  };
  struct Slot {
    std::uint32_t original = 0, node = 0;
    Text name;
  };

  /// Linear in the bytes. Throws Error(corrupt.object_graph) for a malformed message and for ids
  /// that are no node's, Error(unsafe.limit) for more than `most` nodes, children, attributes or
  /// slots.
  TrackableGraph(std::string message, std::uint64_t most);

  std::size_t nodes() const { return starts_.size() - 1; }
  std::span<const Child> children(std::size_t node) const;
  std::span<const Attribute> attributes(std::size_t node) const;
  std::span<const Slot> slots(std::size_t node) const;
  std::string_view text(Text text) const {
    return std::string_view(message_).substr(text.offset, text.length);
  }

 private:
  /// Where a node's children, attributes and slots begin; they end where the next node's begin.
  struct Start {
    std::uint32_t child = 0, attribute = 0, slot = 0;
  };
  void add_node(std::size_t begin, std::size_t end, std::uint64_t most);
  void check_ids() const;
  Start here() const;

  std::string message_;
  std::vector<Start> starts_;
  std::vector<Child> children_;
  std::vector<Attribute> attributes_;
  std::vector<Slot> slots_;
};

}  // namespace tensorferry::tensorflow
