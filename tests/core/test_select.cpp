#include <doctest/doctest.h>

#include "core/glob.h"
#include "cpu_seconds.h"
#include "error_id.h"
#include "tensorferry/manifest.h"

using namespace tensorferry;

namespace {

Manifest manifest_of(std::initializer_list<std::string> names) {
  Manifest manifest;
  for (const std::string& name : names) {
    Tensor tensor;
    tensor.name = name;
    tensor.bookkeeping = name.starts_with("_");
    manifest.tensors.push_back(tensor);
  }
  return manifest;
}

std::string names_of(const Manifest& manifest) {
  std::string names;
  for (const Tensor& tensor : manifest.tensors) names += (names.empty() ? "" : " ") + tensor.name;
  return names;
}

std::string selected(Selection selection) {
  return names_of(select(std::move(selection))(manifest_of(
      {"dense/kernel", "dense/bias", "dense_1/kernel", "out/dense/kernel", "dense", "step"})));
}

}  // namespace

TEST_CASE("globs match whole names") {
  struct Row {
    std::string_view pattern, name;
    bool matches;
  };
  const Row table[] = {{"a", "a", true},
                       {"a", "ab", false},
                       {"a", "ba", false},
                       {"", "", true},
                       {"", "a", false},
                       {"*", "", true},
                       {"*", "a/b", true},
                       {"a*c", "a/b/c", true},
                       {"a*c", "a/b/cd", false},
                       {"*kernel", "x/kernel/kernel", true},
                       {"*a*b*c*", "xxaxxbxxcxx", true},
                       {"*a*b*c*", "xxbxxaxxcxx", false},
                       {"a**b", "ab", true},
                       {"?", "a", true},
                       {"?", "", false},
                       {"?", "/", true},
                       {"a?c", "abc", true},
                       {"layer_[0-9]", "layer_7", true},
                       {"layer_[0-9]", "layer_x", false},
                       {"[!0-9]", "x", true},
                       {"[!0-9]", "5", false},
                       {"[^0-9]", "5", false},
                       {"[]]", "]", true},
                       {"[!]]", "]", false},
                       {"[a-]", "-", true},
                       {"[\\]x]", "]", true},
                       {"[\\]x]", "x", true},
                       {"a\\*b", "a*b", true},
                       {"a\\*b", "axb", false},
                       {"a\\[0]", "a[0]", true},
                       {"a]", "a]", true},
                       {"[\x80-\xff]", "\xc3", true},
                       {"[\x80-\xff]", "a", false},
                       {".*", "abc", false},
                       {"a+b", "a+b", true}};
  for (const Row& row : table) {
    CAPTURE(row.pattern);
    CAPTURE(row.name);
    CHECK(Glob(row.pattern).matches(row.name) == row.matches);
  }
}

TEST_CASE("malformed globs are refused") {
  for (const char* pattern : {"[", "[a", "[]", "[!", "[!]", "a\\", "[\\", "[z-a]", "[a-"}) {
    CAPTURE(pattern);
    CHECK(error_id([&] { Glob glob{pattern}; }) == "usage.bad_glob");
  }
  CHECK(error_id([] { select({.include = {"["}}); }) == "usage.bad_glob");
}

TEST_CASE("many stars do not explode") {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "a*";
  const double start = cpu_seconds();
  CHECK(!Glob(pattern + "b").matches(std::string(60'000, 'a')));
  CHECK(cpu_seconds() - start < 5);
}

TEST_CASE("include, exclude and scope choose tensors") {
  CHECK(selected({}) == "dense/kernel dense/bias dense_1/kernel out/dense/kernel dense step");
  CHECK(selected({.include = {"*kernel"}}) == "dense/kernel dense_1/kernel out/dense/kernel");
  CHECK(selected({.include = {"step", "*/bias"}}) == "dense/bias step");
  CHECK(selected({.exclude = {"*kernel"}}) == "dense/bias dense step");
  CHECK(selected({.include = {"dense*"}, .exclude = {"*kernel"}}) == "dense/bias dense");
  CHECK(selected({.include = {"step"}, .exclude = {"step"}}) == "");
}

TEST_CASE("a scope is the name itself and what is below it from the start of the name") {
  CHECK(selected({.scope = {"dense"}}) == "dense/kernel dense/bias dense");
  CHECK(selected({.scope = {"dense/"}}) == "dense/kernel dense/bias dense");
  CHECK(selected({.scope = {"kernel"}}) == "");
  CHECK(selected({.scope = {"dense_1", "step"}}) == "dense_1/kernel step");
  CHECK(selected({.include = {"*kernel"}, .scope = {"dense"}}) == "dense/kernel");
  CHECK(selected({.scope = {"d*"}}) == "");
}

TEST_CASE("regular expressions match somewhere") {
  CHECK(selected({.include = {"^dense/"}, .regex = true}) == "dense/kernel dense/bias");
  CHECK(selected({.include = {"_\\d+"}, .regex = true}) == "dense_1/kernel");
  CHECK(selected({.exclude = {"kernel|bias"}, .regex = true}) == "dense step");
  for (const char* pattern : {"(", "[", "*", "a{2,1}", "\\"}) {
    CAPTURE(pattern);
    CHECK(error_id([&] { select({.include = {pattern}, .regex = true}); }) == "usage.bad_regex");
  }
}

TEST_CASE("what meets no tensor is noted with what may have been meant") {
  const auto notes_of = [](Selection selection) {
    return unmet_selections(select(std::move(selection))(
        manifest_of({"dense/kernel", "dense_1/kernel", "out/hidden/kernel", "layers.0.w"})));
  };
  CHECK(notes_of({.include = {"dense*"}, .scope = {"dense"}}).empty());
  CHECK(notes_of({.include = {"dense*", "conv*"}}) == "\n--include \"conv*\" matches no tensor");
  CHECK(notes_of({.exclude = {"layers.0.x"}}) ==
        "\n--exclude \"layers.0.x\" matches no tensor; did you mean layers.0.w?");
  CHECK(notes_of({.exclude = {"^x"}, .regex = true}) == "\n--exclude \"^x\" matches no tensor");
  CHECK(notes_of({.scope = {"dens_1"}}) == "\nthere is no scope \"dens_1\"; did you mean dense_1?");
  CHECK(notes_of({.scope = {"hiden"}}) ==
        "\nthere is no scope \"hiden\"; did you mean out/hidden?");
  CHECK(notes_of({.scope = {"layers"}}).find("--include 'layers.*'") != std::string::npos);
  CHECK(unmet_selections(select({.include = {"x"}})({})).empty());
}

// Cause: the matcher of the standard library recurses for each byte of the name.
TEST_CASE("a name too long for a regular expression is an error and no stack overflow") {
  const Edit edit = select({.include = {"^(a|b)*c"}, .regex = true});
  CHECK(error_id([&] { edit(manifest_of({std::string(60'000, 'a')})); }) == "usage.bad_regex");
  CHECK(names_of(edit(manifest_of({std::string(1024, 'a')}))) == "");
  CHECK(error_id([] { select({.include = {std::string(1025, 'a')}, .regex = true}); }) ==
        "usage.bad_regex");
}

TEST_CASE("bookkeeping is dropped with a note that names it") {
  const Manifest kept = drop_bookkeeping()(manifest_of({"_graph", "w", "_config\n"}));
  CHECK(names_of(kept) == "w");
  REQUIRE(kept.notes.size() == 1);
  CHECK(kept.notes[0].id == "bookkeeping.left_out");
  CHECK(kept.notes[0].text.find("_graph, _config\\x0a") != std::string::npos);
  CHECK(drop_bookkeeping()(manifest_of({"w"})).notes.empty());
}
