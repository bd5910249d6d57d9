#include "graph_reader.h"

#include <map>
#include <string_view>
#include <utility>

#include "sparse.h"
#include "util/text.h"
#include "util/wire_numbers.h"

namespace tensorferry::onnx {
namespace {

using wire::kMostDepth;  // of messages in the model

using wire::contents;
using wire::Type;

Error duplicate(const std::string& name) {
  return Error(ErrorCode::corrupt, "duplicate_name", "two tensors of a graph have this name")
      .in_tensor(name);
}

std::string unused(std::string wanted, const std::unordered_set<std::string_view>& taken) {
  if (!taken.contains(wanted)) return wanted;
  std::uint64_t number = 2;
  while (taken.contains(wanted + "#" + std::to_string(number))) ++number;
  return wanted + "#" + std::to_string(number);
}

}  // namespace

/// The fields of an AttributeProto that say what it is.
struct GraphReader::Attribute {
  std::string name;
  std::vector<std::pair<std::uint32_t, wire::MergedMessage>> messages;  ///< tensors and graphs
  std::uint64_t strings = 0, string_bytes = 0, floats = 0;
  bool is_reference = false;

  void add(std::uint32_t number, const FileRange& message) {
    const bool in_list = number == 10 || number == 11 || number == 23;
    const auto [known, is_new] = places_.try_emplace(number, messages.size());
    if (in_list || is_new) messages.emplace_back(number, wire::MergedMessage());
    (in_list ? messages.back() : messages[known->second]).second.add(message);
  }

 private:
  std::map<std::uint32_t, std::size_t> places_;  ///< of the first one of each number
};

bool GraphReader::Node::is_constant() const {
  return op == "Constant" && (domain.empty() || domain == "ai.onnx");
}

std::string GraphReader::Node::label(std::uint64_t index) const {
  if (!name.empty()) return name;
  return output.empty() ? op + "_" + std::to_string(index) : output;
}

void GraphReader::check_depth(int depth) const {
  if (depth <= kMostDepth) return;
  throw Error(ErrorCode::corrupt, "depth",
              "more than " + std::to_string(kMostDepth) + " messages inside each other");
}

std::size_t GraphReader::new_scope(std::size_t parent, const std::string& owner) {
  std::string scope = scopes_[parent] + owner + "/";
  name_bytes_ += scope.size();
  if (name_bytes_ > limits_.header_bytes)
    throw Error(ErrorCode::unsafe, "limit", "longer names than the limit");
  scopes_.push_back(std::move(scope));
  return scopes_.size() - 1;
}

void GraphReader::training_info(const FileRange& message, std::uint64_t number) {
  const std::string owner = "training_info_" + std::to_string(number) + ".";
  for (const std::uint32_t field : {1u, 2u}) {
    const wire::MergedMessage graph = wire::message_field(message, field);
    if (!graph.present()) continue;
    read_graph(graph.range(), new_scope(0, owner + (field == 1 ? "initialization" : "algorithm")),
               2);
  }
}

void GraphReader::function(const FileRange& message) {
  std::string name, domain;
  for_each_field_of(message, [&](FileCursor& cursor, const wire::Field& field) {
    if (field.is(1, Type::bytes)) name = take_text(cursor, field, limits_.header_bytes);
    if (field.is(10, Type::bytes)) domain = take_text(cursor, field, limits_.header_bytes);
  });
  const std::size_t scope = new_scope(0, domain.empty() ? name : domain + "." + name);
  std::uint64_t index = 0;
  for_each_field_of(message, [&](const FileCursor& cursor, const wire::Field& field) {
    if (field.is(7, Type::bytes))
      visit_node(read_node(contents(message, cursor, field)), index++, scope, 2);
  });
}

void GraphReader::read_graph(const FileRange& graph, std::size_t scope, int depth) {
  check_depth(depth);
  const std::uint64_t end = graph.offset + graph.length;
  FileCursor cursor(*graph.file, graph.offset, end);
  std::uint64_t index = 0;
  for_each_field(cursor, end, [&](const wire::Field& field) {
    if (!is_bytes(field)) return;
    if (field.number == 1) {
      visit_node(read_node(contents(graph, cursor, field)), index++, scope, depth + 1);
    } else if (field.number == 5) {
      StoredTensor stored =
          read_tensor(graph.file, cursor, cursor.position() + field.value, limits_);
      std::string name = std::move(stored.name);
      add_tensor(stored, std::move(name), scope);
    } else if (field.number == 15) {
      add_sparse(contents(graph, cursor, field), nullptr, scope);
    }
  });
}

GraphReader::Node GraphReader::read_node(const FileRange& message) {
  Node node;
  node.message = message;
  bool has_output = false;
  for_each_field_of(message, [&](FileCursor& cursor, const wire::Field& field) {
    if (!is_bytes(field)) return;
    const auto text = [&] { return take_text(cursor, field, limits_.header_bytes); };
    if (field.number == 2 && !std::exchange(has_output, true)) node.output = text();
    if (field.number == 3) node.name = text();
    if (field.number == 4) node.op = text();
    if (field.number == 5) ++node.attributes;
    if (field.number == 7) node.domain = text();
  });
  return node;
}

void GraphReader::visit_node(const Node& node, std::uint64_t index, std::size_t scope, int depth) {
  check_depth(depth);
  if (node.attributes == 0) return;
  const std::string label = node.label(index);
  for_each_field_of(node.message, [&](const FileCursor& cursor, const wire::Field& field) {
    if (field.is(5, Type::bytes))
      visit_attribute(contents(node.message, cursor, field), node, label, scope, depth + 1);
  });
}

void GraphReader::visit_attribute(const FileRange& message, const Node& node,
                                  const std::string& label, std::size_t scope, int depth) {
  check_depth(depth);
  Attribute attribute;
  for_each_field_of(message, [&](FileCursor& cursor, const wire::Field& field) {
    if (field.is(7, Type::fixed32)) ++attribute.floats;
    if (!is_bytes(field)) return;
    switch (field.number) {
      case 1:
        attribute.name = take_text(cursor, field, limits_.header_bytes);
        break;
      case 7:
        attribute.floats += field.value / sizeof(float);
        break;
      case 4:
      case 9:
        ++attribute.strings;
        attribute.string_bytes += field.value;
        break;
      case 5:
      case 6:
      case 10:
      case 11:
      case 22:
      case 23:
        attribute.add(field.number, contents(message, cursor, field));
        break;
      case 21:
        attribute.is_reference = field.value > 0;
        break;
      default:
        break;
    }
  });
  if (attribute.is_reference) return;
  count_numbers(node, attribute);
  const std::string output = node.output.empty() ? label : node.output;
  if (node.is_constant() && add_constant(message, attribute, output, scope)) return;
  const std::string owner = label + "." + attribute.name;
  std::uint64_t listed = 0;
  for (const auto& [number, merged] : attribute.messages) {
    const FileRange range = merged.range();
    const bool in_list = number == 10 || number == 11 || number == 23;
    const std::string name = in_list ? owner + "_" + std::to_string(listed++) : owner;
    if (number == 6 || number == 11) {
      read_graph(range, new_scope(scope, name), depth + 1);
    } else if (number == 22 || number == 23) {
      add_sparse(range, &name, scope);
    } else {
      add_tensor(read_tensor(range, limits_), name, scope);
    }
  }
}

/// Of the operators of classical models, which have their weights in attributes.
void GraphReader::count_numbers(const Node& node, const Attribute& attribute) {
  if (node.domain != "ai.onnx.ml" || attribute.floats == 0) return;
  constexpr std::size_t kMostOps = 10;  // there are not many more
  nodes_with_numbers_.insert(node.message.offset);
  if (ops_with_numbers_.size() < kMostOps) ops_with_numbers_.insert(node.op);
  numbers_ += attribute.floats;
}

std::optional<Note> GraphReader::note() const {
  if (numbers_ == 0) return std::nullopt;
  const std::size_t nodes = nodes_with_numbers_.size();
  return Note{"onnx.numbers_of_nodes",
              std::to_string(nodes) + (nodes == 1 ? " node has " : " nodes have ") +
                  std::to_string(numbers_) +
                  " numbers in attributes that are no tensors, which are not listed and not "
                  "converted: " +
                  join_names({ops_with_numbers_.begin(), ops_with_numbers_.end()})};
}

template <typename Fill>
void GraphReader::add(std::string name, std::size_t scope, const Place& place, Fill fill) {
  name_bytes_ += name.size() + scopes_[scope].size();
  if (tensors_.size() >= limits_.tensors || name_bytes_ > limits_.header_bytes) {
    throw Error(ErrorCode::unsafe, "limit", "more tensors or longer names than the limit");
  }
  Tensor& tensor = tensors_.emplace_back();
  scope_of_.push_back(static_cast<std::uint32_t>(scope));
  places_.push_back(place);
  tensor.name = std::move(name);
  try {
    if (tensor.name.empty()) throw Error(ErrorCode::corrupt, "name", "a tensor without a name");
    fill(tensor);
  } catch (const Error& error) {
    tensor.stored.pieces.clear();
    tensor.problem = error;
  }
}

void GraphReader::add_tensor(const StoredTensor& stored, std::string name, std::size_t scope) {
  const bool whole = stored.message.file == file_;
  const Place place{stored.message.offset, whole ? stored.message.length : 0, stored.external};
  add(std::move(name), scope, place, [&](Tensor& tensor) { describe(stored, files_, tensor); });
}

void GraphReader::add_sparse(const FileRange& message, const std::string* name, std::size_t scope) {
  const auto part = [&](std::uint32_t number) {
    const wire::MergedMessage tensor = wire::message_field(message, number);
    return tensor.present() ? read_tensor(tensor.range(), limits_) : StoredTensor();
  };
  const StoredTensor values = part(1), indices = part(2);
  const Place place{message.offset, 0, values.external || indices.external};
  add(name != nullptr ? *name : values.name, scope, place, [&](Tensor& tensor) {
    tensor.shape = sparse_shape(message, limits_);
    Tensor dense, places;
    describe(values, files_, dense);
    tensor.dtype = dense.dtype;
    describe(indices, files_, places);
    const auto file = dense_file(dense, places, tensor.shape, message.length);
    tensor.stored.pieces.push_back({FileRange{file, 0, file->size()}, {}, {}, {}, {}});
  });
}

bool GraphReader::add_constant(const FileRange& message, const Attribute& attribute,
                               const std::string& name, std::size_t scope) {
  const std::string& kind = attribute.name;
  if (kind == "value" || kind == "sparse_value") {
    if (attribute.messages.size() != 1) return false;
    const std::uint32_t number = attribute.messages[0].first;
    const FileRange range = attribute.messages[0].second.range();
    if (number == 22) {
      add_sparse(range, &name, scope);
    } else if (number == 5) {
      add_tensor(read_tensor(range, limits_), name, scope);
    }
    return number == 22 || number == 5;
  }
  const std::uint64_t end = message.offset + message.length;
  const Place nowhere{message.offset, 0, false};
  const auto numbers = [&](DType dtype, const wire::NumberField& field, bool list) {
    add(name, scope, nowhere, [&](Tensor& tensor) {
      tensor.dtype = dtype;
      const std::uint64_t count = wire::Numbers(*message.file, message.offset, end, field).count();
      if (list) tensor.shape = {count};
      if (!list && count != 1) throw Error(ErrorCode::corrupt, "values", "not one value");
      const auto file = wire::numbers_file(message.file, message.offset, end, field, count);
      tensor.stored.pieces.push_back({FileRange{file, 0, file->size()}, {}, {}, {}, {}});
    });
    return true;
  };
  if (kind == "value_float") return numbers(DType::float32, {2, wire::Type::fixed32, 4}, false);
  if (kind == "value_int") return numbers(DType::int64, {3, wire::Type::varint, 8}, false);
  if (kind == "value_floats") return numbers(DType::float32, {7, wire::Type::fixed32, 4}, true);
  if (kind == "value_ints") return numbers(DType::int64, {8, wire::Type::varint, 8}, true);
  if (kind != "value_string" && kind != "value_strings") return false;
  add(name, scope, nowhere, [&](Tensor& tensor) {
    const bool list = kind == "value_strings";
    tensor.dtype = DType::string;
    if (list) tensor.shape = {attribute.strings};
    const std::uint64_t bytes = attribute.strings * sizeof(std::string) + attribute.string_bytes;
    const std::uint32_t number = list ? 9 : 4;
    const std::uint64_t count = list ? attribute.strings : 1;
    StringSource strings{
        bytes, [message, number, count] { return load_strings_of(message, number, count); }};
    tensor.stored.pieces.push_back({std::move(strings), {}, {}, {}, {}});
  });
  return true;
}

std::vector<Tensor> GraphReader::take() {
  std::unordered_set<std::string_view> taken;
  taken.reserve(tensors_.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (scope_of_[i] == 0 && !taken.insert(tensors_[i].name).second)
      throw duplicate(tensors_[i].name);
  }
  std::unordered_set<std::string> inner;  // scope number and name
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const std::uint32_t scope = scope_of_[i];
    Tensor& tensor = tensors_[i];
    if (scope != 0) {
      std::string name = scopes_[scope] + tensor.name;
      if (!inner.insert(std::to_string(scope) + "/" + tensor.name).second) throw duplicate(name);
      tensor.name = unused(std::move(name), taken);
      taken.insert(tensor.name);
    }
    if (tensor.problem) tensor.problem = tensor.problem->in_tensor(tensor.name);
  }
  return std::move(tensors_);
}

}  // namespace tensorferry::onnx
