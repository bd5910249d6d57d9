// A model taken apart field by field, without the writer's code or the schema.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/wire.h"

namespace onnx_test {

struct WireField {
  std::uint32_t number;
  std::uint64_t value;        // of a varint
  std::string_view contents;  // of bytes
};

// The last `behind` fields may have any number.
inline std::vector<WireField> fields_of(std::string_view message, std::size_t behind = 0) {
  std::vector<WireField> fields;
  for (std::size_t position = 0; position < message.size();) {
    const auto field = tensorferry::wire::next_field(message, position);
    REQUIRE(field);
    std::string_view contents;
    if (field->type != tensorferry::wire::Type::varint) {
      REQUIRE(field->value <= message.size() - position);
      contents = message.substr(position, field->value);
      position += field->value;
    }
    fields.push_back({field->number, field->value, contents});
  }
  for (std::size_t i = 1; i + behind < fields.size(); ++i) {
    CHECK(fields[i - 1].number <= fields[i].number);  // as protobuf writes them
  }
  return fields;
}

struct Value {
  std::string name;
  std::uint64_t type = 0;
  std::vector<std::uint64_t> dims;
};

struct Initializer : Value {
  bool has_raw = false, is_external = false;
  std::string raw;
  std::vector<std::string> strings;
  std::vector<std::pair<std::string, std::string>> external;
};

struct Model {
  std::uint64_t ir_version = 0, opset = 0;
  std::string producer, graph_name;
  std::vector<Initializer> initializers;
  std::vector<Value> outputs;
  std::map<std::string, std::string> metadata;
  bool has_other_fields = false;

  const Initializer& at(std::string_view name) const {
    for (const Initializer& initializer : initializers) {
      if (initializer.name == name) return initializer;
    }
    FAIL("no initializer " << std::string(name));
    return initializers.front();
  }
  bool has_output(std::string_view name) const {
    for (const Value& output : outputs) {
      if (output.name == name) return true;
    }
    return false;
  }
};

inline std::pair<std::string, std::string> parse_entry(std::string_view message) {
  const auto fields = fields_of(message);
  REQUIRE(fields.size() == 2);
  return {std::string(fields[0].contents), std::string(fields[1].contents)};
}

inline Initializer parse_initializer(std::string_view message) {
  Initializer tensor;
  for (const WireField& field : fields_of(message)) {
    switch (field.number) {
      case 1:
        tensor.dims.push_back(field.value);
        break;
      case 2:
        tensor.type = field.value;
        break;
      case 6:
        tensor.strings.emplace_back(field.contents);
        break;
      case 8:
        tensor.name = field.contents;
        break;
      case 9:
        tensor.has_raw = true;
        tensor.raw = field.contents;
        break;
      case 13:
        tensor.external.push_back(parse_entry(field.contents));
        break;
      case 14:
        tensor.is_external = field.value == 1;
        break;
      default:
        FAIL("TensorProto field " << field.number);
    }
  }
  return tensor;
}

// ValueInfoProto { name = 1, type = 2 { tensor_type = 1 { elem_type = 1, shape = 2 { dim = 1 {
// dim_value = 1 } } } } }
inline Value parse_output(std::string_view message) {
  Value output;
  const auto fields = fields_of(message);
  REQUIRE(fields.size() == 2);
  output.name = fields[0].contents;
  const auto tensor = fields_of(fields_of(fields[1].contents).at(0).contents);
  REQUIRE(tensor.size() == 2);  // a missing shape would not be a scalar
  output.type = tensor[0].value;
  for (const WireField& dim : fields_of(tensor[1].contents)) {
    output.dims.push_back(fields_of(dim.contents).at(0).value);
  }
  return output;
}

inline void parse_graph(std::string_view message, Model& model) {
  for (const WireField& field : fields_of(message)) {
    switch (field.number) {
      case 2:
        model.graph_name = field.contents;
        break;
      case 5:
        model.initializers.push_back(parse_initializer(field.contents));
        break;
      case 12:
        model.outputs.push_back(parse_output(field.contents));
        break;
      default:
        model.has_other_fields = true;
    }
  }
}

inline Model parse_model(std::string_view bytes) {
  Model model;
  // opset_import stands last: without it no model is whole, so no cut goes unnoticed.
  CHECK(fields_of(bytes, 1).back().number == 8);
  for (const WireField& field : fields_of(bytes, 1)) {
    switch (field.number) {
      case 1:
        model.ir_version = field.value;
        break;
      case 2:
        model.producer = field.contents;
        break;
      case 7:
        parse_graph(field.contents, model);
        break;
      case 8:
        model.opset = fields_of(field.contents).at(1).value;
        break;
      case 14:
        CHECK(model.metadata.insert(parse_entry(field.contents)).second);
        break;
      default:
        model.has_other_fields = true;
    }
  }
  return model;
}

}  // namespace onnx_test
