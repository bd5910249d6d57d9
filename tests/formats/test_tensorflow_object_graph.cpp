// The object graph: made from names, and cut down to the keys that are written.
#include <doctest/doctest.h>

#include <algorithm>

#include "formats/tensorflow_bundle.h"
#include "tensorflow/object_graph.h"

using namespace tensorferry::tensorflow;
using namespace tensorflow_test;

namespace {

const std::string kSuffix = "/.ATTRIBUTES/VARIABLE_VALUE";

std::string child(std::int64_t id, std::string_view name) {
  return field(1, field(1, id) + field(2, name));
}
std::string attribute(std::string_view key, std::string_view name = "VARIABLE_VALUE") {
  return field(2, field(1, name) + field(2, "full") + field(3, key));
}
std::string slot(std::int64_t original, std::int64_t node) {
  return field(3, field(1, original) + field(2, "m") + field(3, node));
}
std::string graph(const std::vector<std::string>& nodes) {
  std::string text;
  for (const std::string& node : nodes) text += field(1, node);
  return text;
}

std::string pruned(const std::string& text, std::vector<std::string_view> keys) {
  std::sort(keys.begin(), keys.end());
  return prune_graph(text, keys).value_or("malformed");
}

}  // namespace

TEST_CASE("tensorflow: a name becomes a path, its parts escaped in the key") {
  const GraphVariable plain = graph_variable("a/b.c");
  CHECK(plain.path == std::vector<std::string>{"a", "b.c"});
  CHECK(plain.key == "a/b..c" + kSuffix);
  CHECK(plain.full_name == "a/b.c");
  const GraphVariable key = graph_variable("a.Sb..c/d" + kSuffix);
  CHECK(key.path == std::vector<std::string>{"a/b.c", "d"});
  CHECK(key.key == "a.Sb..c/d" + kSuffix);
  // A slot's key is no path: it is a name like any other.
  CHECK(graph_variable("v/.OPTIMIZER_SLOT/o/m" + kSuffix).key ==
        "v/..OPTIMIZER_SLOT/o/m/..ATTRIBUTES/VARIABLE_VALUE" + kSuffix);
}

TEST_CASE("tensorflow: a generated graph nests children and names each variable once") {
  const std::string made =
      generate_graph({graph_variable("a/x"), graph_variable("a/y"), graph_variable("a")});
  const auto variable = [](const std::string& name) {
    return field(2, field(1, "VARIABLE_VALUE") + field(2, name) + field(3, name + kSuffix));
  };
  CHECK(made == graph({child(1, "a"), child(2, "x") + child(3, "y") + variable("a"),
                       variable("a/x"), variable("a/y")}));
}

TEST_CASE("tensorflow: a graph whose keys are all there stays as it is, unknown fields and all") {
  const std::string whole = graph({child(1, "v") + field(9, "later"), attribute("v"),
                                   attribute("t", "table"), attribute("i", "ITERATOR")}) +
                            field(7, "later");
  CHECK(pruned(whole, {"v", "t-keys", "t-values", "i_STATE"}) == whole);
}

TEST_CASE("tensorflow: what has no key is taken out of the graph, its slots and the way to it") {
  const std::string whole =
      graph({child(1, "v") + child(2, "w") + child(4, "o"), attribute("v"), attribute("w"),
             attribute("slot"), slot(1, 3) + slot(2, 3) + attribute("o")});
  CHECK(pruned(whole, {"v", "w", "slot", "o"}) == whole);
  CHECK(pruned(whole, {"v", "slot", "o"}) ==
        graph({child(1, "v") + child(4, "o"), attribute("v"), "", attribute("slot"),
               slot(1, 3) + attribute("o")}));
  CHECK(pruned(whole, {"v", "w", "o"}) ==
        graph({child(1, "v") + child(2, "w") + child(4, "o"), attribute("v"), attribute("w"), "",
               attribute("o")}));
}

TEST_CASE("tensorflow: a node that lost its attributes still leads to its children") {
  const std::string whole =
      graph({child(1, "layer"), child(2, "kernel") + attribute("config"), attribute("kernel")});
  CHECK(pruned(whole, {"kernel"}) ==
        graph({child(1, "layer"), child(2, "kernel"), attribute("kernel")}));
}

TEST_CASE("tensorflow: a longer key does not stand for an attribute, a key with a dash does") {
  const std::string whole = graph({child(1, "v"), attribute("v")});
  CHECK(pruned(whole, {"vv"}) == graph({"", ""}));
  CHECK(pruned(whole, {"v-values"}) == whole);
}

TEST_CASE("tensorflow: every prefix of a graph is pruned or malformed") {
  const std::string whole = graph({child(1, "v") + child(2, "y"), attribute("v"), slot(1, 2)});
  CHECK(pruned(whole, {"v"}) == whole);
  for (std::size_t n = 0; n < whole.size(); ++n) {
    prune_graph(whole.substr(0, n), {});
    save_counter_key(whole.substr(0, n));
  }
  CHECK(!prune_graph("\x0a\x05", {}));
}

// Pruned, such a graph came out whole, with other names than the reader shows.
TEST_CASE("tensorflow: a graph that the reader refuses is not rewritten") {
  for (const std::string& broken :
       {graph({child(1, "v") + child(99, "y"), attribute("v")}),
        graph({child(-1, "x"), attribute("v")}), graph({slot(77, 88), attribute("v")}),
        graph({child(1, "\xff"), attribute("v")}),
        graph({child(1, "v"), field(2, "\x0a\x7f"), attribute("w")}),
        graph({child(1, "v"), attribute("v") + field(4, "\x0a\x7f")})}) {
    CHECK(pruned(broken, {}) == "malformed");
    CHECK(!save_counter_key(broken));
  }
}

TEST_CASE("tensorflow: the save counter is the root's child of that name") {
  CHECK(save_counter_key(graph({child(1, "save_counter"), attribute("the/key")})) == "the/key");
  CHECK(!save_counter_key(graph({child(1, "v"), child(2, "save_counter"), attribute("k")})));
  CHECK(!save_counter_key(graph({child(5, "save_counter"), attribute("k")})));
  CHECK(!save_counter_key(""));
}
