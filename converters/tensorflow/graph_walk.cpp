#include "graph_walk.h"

#include <utility>

#include "tensorferry/error.h"

namespace tensorferry::tensorflow {
namespace {

using wire::Field;
using wire::Type;

constexpr std::uint64_t kMostTextBytes = 64 * 1024;  // of a name

std::string text(FileCursor& cursor, const Field& field) {
  if (field.value > kMostTextBytes) {
    throw Error(ErrorCode::corrupt, "name", "a name of " + std::to_string(field.value) + " bytes");
  }
  return cursor.take(field.value);
}

/// Calls `visit(number, end of the contents)` for each field of type bytes.
template <typename Visit>
void for_each_bytes(FileCursor& cursor, std::uint64_t end, Visit visit) {
  wire::for_each_field(cursor, end, [&](const Field& field) {
    if (field.type == Type::bytes) visit(field, cursor.position() + field.value);
  });
}

/// An entry of the map of attributes.
void attribute(FileCursor& cursor, const FileRange& graph, std::uint64_t end, Node& node) {
  std::string key;
  wire::MergedMessage value;
  for_each_bytes(cursor, end, [&](const Field& field, std::uint64_t) {
    if (field.number == 1) key = text(cursor, field);
    if (field.number == 2) value.add(wire::contents(graph, cursor, field));
  });
  if (key == "value") node.value = std::move(value);
}

}  // namespace

void GraphWalk::walk(GraphKind kind) {
  const FileRange whole{file_, 0, file_->size()};
  switch (kind) {
    case GraphKind::graph:
      return graph(whole);
    case GraphKind::meta_graph:
      return meta_graph(whole);
    case GraphKind::saved_model:
      return wire::for_each_field_of(whole, [&](const FileCursor& cursor, const Field& field) {
        if (field.is(2, Type::bytes)) meta_graph(wire::contents(whole, cursor, field));
      });
  }
}

void GraphWalk::meta_graph(const FileRange& message) {
  std::vector<std::string> tags;
  wire::MergedMessage graph_def;
  wire::for_each_field_of(message, [&](FileCursor& cursor, const Field& field) {
    if (field.type != Type::bytes) return;
    if (field.number == 2) graph_def.add(wire::contents(message, cursor, field));
    if (field.number != 1) return;
    for_each_bytes(cursor, cursor.position() + field.value, [&](const Field& part, std::uint64_t) {
      if (part.number == 4) tags.push_back(text(cursor, part));
    });
  });
  if (graph_def.present()) graph(graph_def.range());
  if (visitor_.meta_graph_end) visitor_.meta_graph_end(std::move(tags));
}

void GraphWalk::graph(const FileRange& message) {
  const std::uint64_t end = message.offset + message.length;
  FileCursor cursor(*message.file, message.offset, end);
  for_each_bytes(cursor, end, [&](const Field& field, std::uint64_t contents_end) {
    if (field.number == 1) node(cursor, message, contents_end);
    if (field.number == 2) library(cursor, message, contents_end);
  });
}

void GraphWalk::library(FileCursor& cursor, const FileRange& graph, std::uint64_t end) {
  for_each_bytes(cursor, end, [&](const Field& function, std::uint64_t function_end) {
    if (function.number != 1) return;
    if (visitor_.function_end) visitor_.function_end({});  // what came before was the graph's
    std::string name;
    for_each_bytes(cursor, function_end, [&](const Field& field, std::uint64_t field_end) {
      if (field.number == 3) node(cursor, graph, field_end);
      if (field.number != 1) return;
      for_each_bytes(cursor, field_end, [&](const Field& part, std::uint64_t) {
        if (part.number == 1) name = text(cursor, part);
      });
    });
    if (visitor_.function_end) visitor_.function_end(std::move(name));
  });
}

void GraphWalk::node(FileCursor& cursor, const FileRange& graph, std::uint64_t end) {
  Node node;
  for_each_bytes(cursor, end, [&](const Field& field, std::uint64_t contents_end) {
    if (field.number == 1) node.name = text(cursor, field);
    if (field.number == 2) node.op = text(cursor, field);
    if (field.number == 5) attribute(cursor, graph, contents_end, node);
  });
  visitor_.node(std::move(node));
}

}  // namespace tensorferry::tensorflow
