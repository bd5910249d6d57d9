#include "tensorferry/format.h"

#include <algorithm>
#include <initializer_list>

#include "onnx.h"
#include "util/wire.h"

namespace tensorferry {
namespace {

// Field numbers of onnx.proto.
constexpr std::uint32_t kIrVersion = 1, kModelVersion = 5, kGraph = 7;

bool is_one_of(std::uint32_t number, std::initializer_list<std::uint32_t> numbers) {
  return std::ranges::find(numbers, number) != numbers.end();
}

bool is_model_field(const wire::Field& field) {
  return field.type == wire::Type::varint
             ? is_one_of(field.number, {kIrVersion, kModelVersion})
             : field.type == wire::Type::bytes &&
                   is_one_of(field.number, {2, 3, 4, 6, kGraph, 8, 14, 20, 25, 26});
}

bool is_graph_field(const wire::Field& field) {
  return field.type == wire::Type::bytes &&
         is_one_of(field.number, {1, 2, 5, 10, 11, 12, 13, 14, 15, 16});
}

// The start of a GraphProto of `length` bytes, as far as it is seen.
bool looks_like_graph(std::string_view seen, std::uint64_t length) {
  if (seen.size() > length) seen = seen.substr(0, static_cast<std::size_t>(length));
  std::size_t position = 0;
  while (position < seen.size()) {
    const std::size_t begin = position;
    const auto field = wire::next_field(seen, position);
    // A header that the end of what is seen cuts says nothing; the longest one has 5 + 10 bytes.
    if (!field) return seen.size() < length && seen.size() - begin < 15;
    if (!is_graph_field(*field) || field->value > length - position) return false;
    if (field->value > seen.size() - position) return true;
    position += static_cast<std::size_t>(field->value);
  }
  return true;
}

// A ModelProto has no magic number: ir_version, then only known fields of the right wire type, then
// a graph. A model that is cut inside its graph still is one, so that its reader can say so.
Match probe(const Probe& probe) {
  constexpr std::uint64_t kHighestIrVersion = 255;
  const std::string_view seen = probe.prefix;
  bool versioned = false;
  std::size_t position = 0;
  while (position < seen.size()) {
    const auto field = wire::next_field(seen, position);
    if (!field || !is_model_field(*field)) return Match::no;
    if (field->number == kIrVersion) {
      if (field->value == 0 || field->value > kHighestIrVersion) return Match::no;
      versioned = true;
    }
    if (field->type == wire::Type::varint) continue;
    if (field->number == kGraph) {
      const bool graph = looks_like_graph(seen.substr(position), field->value);
      return versioned && graph ? Match::exact : Match::no;
    }
    if (field->value > probe.size - position) return Match::no;
    if (field->value > seen.size() - position) {
      // A long doc_string hides the graph.
      return versioned && probe.extension == ".onnx" ? Match::exact : Match::no;
    }
    position += static_cast<std::size_t>(field->value);
  }
  return Match::no;
}

}  // namespace

Format make_onnx_format() {
  Format format;
  format.name = "onnx";
  format.title = "ONNX model";
  format.extensions = {".onnx"};
  format.probe = probe;
  format.write_options = {
      {"external",
       OptionSpec::Kind::choice,
       "auto",
       "elements in MODEL.onnx.data: when they would take more than 1.8 GiB in the model, always, "
       "never",
       {"auto", "always", "never"}},
      {"external_threshold", OptionSpec::Kind::bytes, "1024",
       "tensors of fewer bytes stay in the model"},
  };
  format.reader = make_onnx_reader();
  format.patcher = make_onnx_patcher();
#ifdef TENSORFERRY_UNAVAILABLE
  format.unavailable = TENSORFERRY_UNAVAILABLE;
#else
  format.writer = make_onnx_writer();
#endif
  return format;
}

}  // namespace tensorferry
