#include "object_graph.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>

#include "tensorferry/error.h"
#include "trackable_graph.h"
#include "util/wire.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::string_view kValueSuffix = "/.ATTRIBUTES/VARIABLE_VALUE";
constexpr std::string_view kValue = "VARIABLE_VALUE";

// Field numbers.
constexpr std::uint32_t kNode = 1;
constexpr std::uint32_t kChild = 1, kAttribute = 2, kSlotVariable = 3;
constexpr std::uint32_t kChildNode = 1, kLocalName = 2;
constexpr std::uint32_t kAttributeName = 1, kFullName = 2, kCheckpointKey = 3;
constexpr std::uint32_t kOriginalNode = 1, kSlotNode = 3;

// --- Reading and keeping fields

bool is_bytes(const wire::Field& field, std::uint32_t number) {
  return field.number == number && field.type == wire::Type::bytes;
}

/// The last value of a field, as protobuf has it; empty and 0 are the defaults.
std::string_view text_in(std::string_view message, std::uint32_t number) {
  std::string_view text;
  wire::for_each_field(message, [&](const wire::Field& field, std::string_view contents, auto) {
    if (is_bytes(field, number)) text = contents;
  });
  return text;
}

std::uint64_t number_in(std::string_view message, std::uint32_t number) {
  std::uint64_t value = 0;
  wire::for_each_field(message, [&](const wire::Field& field, auto, auto) {
    if (field.number == number && field.type == wire::Type::varint) value = field.value;
  });
  return value;
}

// --- Names

std::string escaped(std::string_view component) {
  std::string text;
  for (const char c : component) {
    if (c == '.') text += "..";
    if (c == '/') text += ".S";
    if (c != '.' && c != '/') text += c;
  }
  return text;
}

std::optional<std::string> unescaped(std::string_view component) {
  std::string text;
  for (std::size_t i = 0; i < component.size(); ++i) {
    if (component[i] != '.') {
      text += component[i];
      continue;
    }
    if (++i == component.size() || (component[i] != '.' && component[i] != 'S'))
      return std::nullopt;
    text += component[i] == '.' ? '.' : '/';
  }
  return text;
}

std::vector<std::string> split(std::string_view name) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t slash = name.find('/');
    parts.emplace_back(name.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    name.remove_prefix(slash + 1);
  }
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (&part == parts.data() ? "" : "/") + part;
  return text;
}

/// The variable of a name that is a key in such a graph.
std::optional<GraphVariable> from_key(std::string_view name) {
  if (!name.ends_with(kValueSuffix)) return std::nullopt;
  GraphVariable variable;
  variable.key = name;
  name.remove_suffix(kValueSuffix.size());
  for (const std::string& part : split(name)) {
    auto local = unescaped(part);
    if (!local) return std::nullopt;
    variable.path.push_back(std::move(*local));
  }
  variable.full_name = joined(variable.path);
  return variable;
}

// --- Making

struct Node {
  std::map<std::string_view, std::size_t> children;
  const GraphVariable* variable = nullptr;
};

std::string encode(const Node& node) {
  std::string message;
  for (const auto& [name, id] : node.children) {
    std::string child;
    wire::append_varint_field(child, kChildNode, id);
    if (!name.empty()) wire::append_bytes_field(child, kLocalName, name);
    wire::append_bytes_field(message, kChild, child);
  }
  if (node.variable != nullptr) {
    std::string attribute;
    wire::append_bytes_field(attribute, kAttributeName, kValue);
    wire::append_bytes_field(attribute, kFullName, node.variable->full_name);
    wire::append_bytes_field(attribute, kCheckpointKey, node.variable->key);
    wire::append_bytes_field(message, kAttribute, attribute);
  }
  return message;
}

// --- Pruning

bool is_there(std::string_view key, const std::vector<std::string_view>& keys) {
  if (std::binary_search(keys.begin(), keys.end(), key)) return true;
  for (const char separator : {'-', '_'}) {
    const std::string start = std::string(key) + separator;
    const auto found = std::lower_bound(keys.begin(), keys.end(), std::string_view(start));
    if (found != keys.end() && found->starts_with(start)) return true;
  }
  return false;
}

/// What the reader takes names from is what is rewritten: a damaged graph must not come out as a
/// whole one that says something else.
bool is_well_formed(std::string_view graph) {
  try {
    const TrackableGraph read(std::string(graph), std::numeric_limits<std::uint64_t>::max());
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    return false;
  }
}

struct NodeState {
  std::string_view message;
  bool lost_any = false;  // an attribute without a key
  bool dead = false;      // a leaf that has lost all its attributes
};

NodeState judge(std::string_view message, const std::vector<std::string_view>& keys) {
  NodeState node{message};
  bool keeps_any = false, has_children = false;
  wire::for_each_field(message, [&](const wire::Field& field, std::string_view contents, auto) {
    if (is_bytes(field, kChild)) has_children = true;
    if (!is_bytes(field, kAttribute)) return;
    const bool there = is_there(text_in(contents, kCheckpointKey), keys);
    (there ? keeps_any : node.lost_any) = true;
  });
  node.dead = node.lost_any && !keeps_any && !has_children;
  return node;
}

std::string pruned(const NodeState& node, const std::vector<NodeState>& nodes,
                   const std::vector<std::string_view>& keys) {
  const auto is_dead = [&](std::uint64_t id) { return id < nodes.size() && nodes[id].dead; };
  std::string message;
  wire::for_each_field(
      node.message, [&](const wire::Field& field, std::string_view contents, std::string_view raw) {
        const bool drop =
            (is_bytes(field, kChild) && is_dead(number_in(contents, kChildNode))) ||
            (is_bytes(field, kAttribute) && !is_there(text_in(contents, kCheckpointKey), keys)) ||
            (is_bytes(field, kSlotVariable) && (is_dead(number_in(contents, kSlotNode)) ||
                                                is_dead(number_in(contents, kOriginalNode))));
        if (!drop) message += raw;
      });
  return message;
}

}  // namespace

GraphVariable graph_variable(std::string_view name) {
  if (auto variable = from_key(name)) return std::move(*variable);
  GraphVariable variable;
  variable.path = split(name);
  variable.full_name = name;
  std::vector<std::string> parts;
  for (const std::string& part : variable.path) parts.push_back(escaped(part));
  variable.key = joined(parts) + std::string(kValueSuffix);
  return variable;
}

std::string generate_graph(const std::vector<GraphVariable>& variables) {
  std::vector<Node> nodes(1);
  for (const GraphVariable& variable : variables) {
    std::size_t at = 0;
    for (const std::string& part : variable.path) {
      const auto [child, is_new] = nodes[at].children.try_emplace(part, nodes.size());
      at = child->second;
      if (is_new) nodes.emplace_back();
    }
    nodes[at].variable = &variable;
  }
  std::string graph;
  for (const Node& node : nodes) wire::append_bytes_field(graph, kNode, encode(node));
  return graph;
}

std::optional<std::string> prune_graph(std::string_view graph,
                                       const std::vector<std::string_view>& keys) {
  if (!is_well_formed(graph)) return std::nullopt;
  std::vector<NodeState> nodes;
  bool lost_any = false;
  wire::for_each_field(graph, [&](const wire::Field& field, std::string_view contents, auto) {
    if (!is_bytes(field, kNode)) return;
    nodes.push_back(judge(contents, keys));
    lost_any = lost_any || nodes.back().lost_any;
  });
  if (!lost_any) return std::string(graph);
  std::string result;
  std::size_t next = 0;
  wire::for_each_field(graph, [&](const wire::Field& field, auto, std::string_view raw) {
    if (is_bytes(field, kNode)) {
      wire::append_bytes_field(result, kNode, pruned(nodes[next++], nodes, keys));
    } else {
      result += raw;
    }
  });
  return result;
}

std::optional<std::string> save_counter_key(std::string_view graph) {
  if (!is_well_formed(graph)) return std::nullopt;
  std::vector<std::string_view> nodes;
  wire::for_each_field(graph, [&](const wire::Field& field, std::string_view contents, auto) {
    if (is_bytes(field, kNode)) nodes.push_back(contents);
  });
  if (nodes.empty()) return std::nullopt;
  std::uint64_t counter = 0;
  wire::for_each_field(nodes[0], [&](const wire::Field& field, std::string_view contents, auto) {
    if (is_bytes(field, kChild) && text_in(contents, kLocalName) == "save_counter") {
      counter = number_in(contents, kChildNode);
    }
  });
  if (counter == 0 || counter >= nodes.size()) return std::nullopt;
  const std::string_view key = text_in(text_in(nodes[counter], kAttribute), kCheckpointKey);
  if (key.empty()) return std::nullopt;
  return std::string(key);
}

}  // namespace tensorferry::tensorflow
