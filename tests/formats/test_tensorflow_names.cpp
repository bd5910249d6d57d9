// Names and roles of tensors, and the object graph that they come from.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "error_id.h"
#include "formats/tensorflow_bundle.h"
#include "tensorflow/names.h"
#include "tensorflow/roles.h"
#include "tensorflow/trackable_graph.h"

using namespace tensorferry;
using namespace tensorferry::tensorflow;
using tensorflow_test::field;

namespace {

constexpr std::uint64_t kMost = 1000;
const std::string kSuffix = "/.ATTRIBUTES/VARIABLE_VALUE";

std::string child(std::int64_t id, std::string_view name) {
  return field(1, field(1, id) + field(2, name));
}
std::string variable(std::string_view full_name, std::string_view key) {
  return field(2, field(1, "VARIABLE_VALUE") + field(2, full_name) + field(3, key));
}
std::string slot(std::int64_t original, std::int64_t node) {
  return field(3, field(1, original) + field(2, "m") + field(3, node));
}
std::string graph(const std::vector<std::string>& nodes) {
  std::string text;
  for (const std::string& node : nodes) text += field(1, node);
  return text;
}

Manifest manifest_of(const std::vector<std::string>& keys) {
  Manifest manifest;
  for (const std::string& key : keys) {
    Tensor tensor;
    tensor.name = key;
    tensor.dtype = DType::float32;
    tensor.shape = {2};
    manifest.tensors.push_back(std::move(tensor));
  }
  return manifest;
}

std::vector<std::string> names_of(const std::vector<std::string>& keys, const std::string& graph,
                                  NameStyle style = NameStyle::automatic) {
  Manifest manifest = manifest_of(keys);
  const TrackableGraph parsed(graph, kMost);
  apply_names(manifest, style, &parsed);
  std::vector<std::string> names;
  for (const Tensor& tensor : manifest.tensors) names.push_back(tensor.name);
  return names;
}

std::string graph_error(const std::string& text, std::uint64_t most = kMost) {
  return error_id([&] { TrackableGraph(text, most); });
}

}  // namespace

TEST_CASE("tensorflow: a path is a key without its escapes; a key that is malformed has none") {
  CHECK(object_path("a/b" + kSuffix) == "a/b");
  CHECK(object_path("a.Sb..c/d" + kSuffix) == "a/b.c/d");
  CHECK(object_path("v/.OPTIMIZER_SLOT/o/m" + kSuffix) == "v/o/m");
  CHECK(object_path("t/.ATTRIBUTES/table-keys") == "t/table-keys");
  CHECK(!object_path("a/b"));
  CHECK(!object_path("a." + kSuffix));
  CHECK(!object_path("a.x" + kSuffix));
  CHECK(!object_path(".OTHER_MARK/a" + kSuffix));
}

TEST_CASE("tensorflow: the object graph is read with its cycles, and unknown fields are skipped") {
  const TrackableGraph cyclic(graph({child(1, "a") + child(0, "self"), child(0, "up")}), kMost);
  REQUIRE(cyclic.nodes() == 2);
  CHECK(cyclic.children(0).size() == 2);
  CHECK(cyclic.text(cyclic.children(1)[0].name) == "up");
  const TrackableGraph later(
      field(7, "later") + graph({variable("f", "k") + field(9, "x") + slot(0, 0)}), kMost);
  REQUIRE(later.attributes(0).size() == 1);
  CHECK(later.text(later.attributes(0)[0].key) == "k");
  CHECK(later.slots(0).size() == 1);
  CHECK(TrackableGraph("", kMost).nodes() == 0);
}

TEST_CASE("tensorflow: an id that is no node's makes the object graph corrupt") {
  CHECK(graph_error(graph({child(1, "x")})) == "corrupt.object_graph");
  CHECK(graph_error(graph({child(-1, "x")})) == "corrupt.object_graph");
  CHECK(graph_error(graph({child(std::int64_t{1} << 32, "x")})) == "corrupt.object_graph");
  CHECK(graph_error(graph({slot(0, 1)})) == "corrupt.object_graph");
  CHECK(graph_error(graph({slot(5, 0)})) == "corrupt.object_graph");
  CHECK(graph_error(graph({child(1, "x"), slot(0, 1)})) == "no error");
}

TEST_CASE("tensorflow: an object graph that is cut is corrupt or a shorter one, never read past") {
  const std::string whole = graph({child(0, "v") + slot(0, 0), variable("full/name", "key")});
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const std::string id = graph_error(whole.substr(0, n));
    CHECK((id == "no error" || id == "corrupt.object_graph"));
  }
  CHECK(graph_error(whole.substr(0, whole.size() - 1)) == "corrupt.object_graph");
  CHECK(graph_error("\x0a\x05") == "corrupt.object_graph");
  CHECK(graph_error(std::string(11, '\xff')) == "corrupt.object_graph");
}

TEST_CASE("tensorflow: an object graph beyond the limit is refused") {
  CHECK(graph_error(graph({"", "", ""}), 3) == "no error");
  CHECK(graph_error(graph({"", "", "", ""}), 3) == "unsafe.limit");
  CHECK(graph_error(graph({child(0, "a") + child(0, "b")}), 1) == "unsafe.limit");
}

TEST_CASE("tensorflow: full names, unless bare; what several would get goes to none") {
  const std::string a = "a" + kSuffix, b = "b" + kSuffix, c = "c" + kSuffix, d = "d" + kSuffix;
  const std::string text = graph(
      {variable("same/w", a) + variable("same/w", b) + variable("own/w", c) + variable("bare", d)});
  using Names = std::vector<std::string>;
  CHECK(names_of({a, b, c, d}, text) == Names{"a", "b", "own/w", "d"});
  CHECK(names_of({d, c, b, a}, text) == Names{"d", "own/w", "b", "a"});
  CHECK(names_of({a, c, d}, text, NameStyle::keras) == Names{"same/w", "own/w", "bare"});
  CHECK(names_of({a, c, d}, text, NameStyle::object) == Names{"a", "c", "d"});
  CHECK(names_of({a, c, d}, text, NameStyle::raw) == Names{a, c, d});
}

TEST_CASE("tensorflow: a name that falls back onto another's takes that one back too") {
  const std::string a = "a" + kSuffix, x = "x/y" + kSuffix, z = "z" + kSuffix;
  // Two want p/q; the path of one of them is what a third is called.
  const std::string text = graph({variable("p/q", x) + variable("p/q", z) + variable("x/y", a)});
  Manifest manifest = manifest_of({a, x, z, "plain"});
  const TrackableGraph parsed(text, kMost);
  apply_names(manifest, NameStyle::automatic, &parsed);
  std::vector<std::string> names;
  for (const Tensor& tensor : manifest.tensors) names.push_back(tensor.name);
  CHECK(names == std::vector<std::string>{"a", x, "z", "plain"});
  REQUIRE(manifest.notes.size() == 1);
  CHECK(manifest.notes[0].id == "tensorflow.ambiguous_names");
  CHECK(std::get<std::string>(manifest.tensors[0].attributes.at("tensorflow.key")) == a);
  CHECK(manifest.tensors[1].attributes.empty());
}

TEST_CASE("tensorflow: an optimizer is known by its slots, and its cycles end") {
  const std::string v = "v" + kSuffix, m = "v/.OPTIMIZER_SLOT/o/m" + kSuffix;
  const std::string it = "o/iter" + kSuffix;
  Manifest manifest = manifest_of({v, m, it});
  const TrackableGraph parsed(
      graph({child(1, "v") + child(2, "o"), variable("v", v),
             child(4, "iter") + child(0, "root") + child(2, "self") + slot(1, 3), variable("m", m),
             variable("iter", it)}),
      kMost);
  assign_roles(manifest, &parsed);
  CHECK(manifest.tensors[0].role == Role::weight);
  CHECK(manifest.tensors[1].role == Role::optimizer);
  CHECK(manifest.tensors[2].role == Role::optimizer);
  Manifest without = manifest_of({v, m, it});
  assign_roles(without, nullptr);
  CHECK(without.tensors[0].role == Role::weight);
  CHECK(without.tensors[1].role == Role::optimizer);
}

TEST_CASE("tensorflow: a variable that only its optimizer holds is a weight when it has slots") {
  const std::string v = "o/held" + kSuffix, m = "o/held/.OPTIMIZER_SLOT/o/m" + kSuffix;
  const std::string rate = "o/rate" + kSuffix;
  Manifest manifest = manifest_of({v, m, rate});
  const TrackableGraph parsed(
      graph({child(1, "o"), child(2, "held") + child(4, "rate") + slot(2, 3), variable("v", v),
             variable("m", m), variable("rate", rate)}),
      kMost);
  assign_roles(manifest, &parsed);
  CHECK(manifest.tensors[0].role == Role::weight);
  CHECK(manifest.tensors[1].role == Role::optimizer);
  CHECK(manifest.tensors[2].role == Role::optimizer);
}
