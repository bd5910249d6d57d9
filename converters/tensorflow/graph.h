// Constants of graphs: a frozen GraphDef, the graphs of a SavedModel, a MetaGraphDef (`.meta`).
//
//   SavedModel     2: meta graph, several           MetaGraphDef   1: info { 4: tags }  2: graph
//   GraphDef       1: node, several                 library        1: function, several
//                  2: library                       function       1: signature { 1: name }  3:
//                  node, several
//   node           1: name  2: op  5: attribute { 1: key  2: value { 8: TensorProto } }
//   TensorProto    1: dtype  2: shape  4: all elements back to back, or a typed field
//   (tensor_values.h)
//
// A weight of a frozen model is a node of op "Const" with the attribute "value". Files are walked;
// elements lie where they are. Field numbers: graph.proto, function.proto, meta_graph.proto,
// saved_model.proto of TensorFlow's core.
#pragma once

#include <cstdint>
#include <memory>

#include "tensorferry/input.h"
#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

enum class GraphKind : std::uint8_t { graph, meta_graph, saved_model };

/// The constants, in the order of the file. Those of a function are called FUNCTION/NODE; with
/// several meta graphs the tags of one stand in front. Throws Error(corrupt.message),
/// Error(unsafe.limit).
Manifest read_graph(const std::shared_ptr<const File>& file, GraphKind kind, const Limits& limits);

/// Whether a graph of this `saved_model.pb` has variables. Throws Error(corrupt).
bool has_variables(const std::shared_ptr<const File>& file);

}  // namespace tensorferry::tensorflow
