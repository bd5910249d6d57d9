#include "graph_walk.h"

#include <utility>

#include "tensorferry/error.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::uint64_t kMostTextBytes = 64 * 1024;  // of a name

}  // namespace

GraphWalk::GraphWalk(const File& file, Visitor visitor)
    : visitor_(std::move(visitor)), cursor_(file, 0, file.size()), end_(file.size()) {}

template <typename Visit>
void GraphWalk::fields(std::uint64_t end, Visit visit) {
  while (cursor_.position() < end) {
    const std::uint64_t start = cursor_.position();
    const auto field = wire::next_field(cursor_, end);
    if (!field) {
      throw Error(ErrorCode::corrupt, "message",
                  "malformed or truncated protobuf field at byte " + std::to_string(start));
    }
    if (field->type == wire::Type::varint) continue;
    const std::uint64_t contents_end = cursor_.position() + field->value;
    if (field->type == wire::Type::bytes) visit(field->number, contents_end);
    cursor_.skip(contents_end - cursor_.position());
  }
}

std::string GraphWalk::text(std::uint64_t end) {
  const std::uint64_t bytes = end - cursor_.position();
  if (bytes > kMostTextBytes) {
    throw Error(ErrorCode::corrupt, "name", "a name of " + std::to_string(bytes) + " bytes");
  }
  return cursor_.take(bytes);
}

void GraphWalk::walk(GraphKind kind) {
  switch (kind) {
    case GraphKind::graph:
      return graph(end_);
    case GraphKind::meta_graph:
      return meta_graph(end_);
    case GraphKind::saved_model:
      return fields(end_, [&](std::uint32_t number, std::uint64_t end) {
        if (number == 2) meta_graph(end);
      });
  }
}

void GraphWalk::meta_graph(std::uint64_t end) {
  std::vector<std::string> tags;
  fields(end, [&](std::uint32_t number, std::uint64_t contents_end) {
    if (number == 1) {
      fields(contents_end, [&](std::uint32_t field, std::uint64_t field_end) {
        if (field == 4) tags.push_back(text(field_end));
      });
    }
    if (number == 2) graph(contents_end);
  });
  if (visitor_.meta_graph_end) visitor_.meta_graph_end(std::move(tags));
}

void GraphWalk::graph(std::uint64_t end) {
  fields(end, [&](std::uint32_t number, std::uint64_t contents_end) {
    if (number == 1) node(contents_end);
    if (number == 2) library(contents_end);
  });
}

void GraphWalk::library(std::uint64_t end) {
  fields(end, [&](std::uint32_t number, std::uint64_t function_end) {
    if (number != 1) return;
    if (visitor_.function_end) visitor_.function_end({});  // what came before was the graph's
    std::string name;
    fields(function_end, [&](std::uint32_t field, std::uint64_t field_end) {
      if (field == 3) node(field_end);
      if (field != 1) return;
      fields(field_end, [&](std::uint32_t part, std::uint64_t part_end) {
        if (part == 1) name = text(part_end);
      });
    });
    if (visitor_.function_end) visitor_.function_end(std::move(name));
  });
}

void GraphWalk::node(std::uint64_t end) {
  Node node;
  fields(end, [&](std::uint32_t number, std::uint64_t contents_end) {
    if (number == 1) node.name = text(contents_end);
    if (number == 2) node.op = text(contents_end);
    if (number == 5) attribute(contents_end, node);
  });
  visitor_.node(std::move(node));
}

void GraphWalk::attribute(std::uint64_t end, Node& node) {
  std::string key;
  MessageRange value;
  fields(end, [&](std::uint32_t number, std::uint64_t contents_end) {
    if (number == 1) key = text(contents_end);
    if (number == 2) value = {cursor_.position(), contents_end - cursor_.position()};
  });
  if (key != "value") return;
  node.value = value;
  ++node.values;
}

}  // namespace tensorferry::tensorflow
