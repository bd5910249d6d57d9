#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/strings.h"
#include "formats/layout_in_memory.h"
#include "tensorferry/stream.h"

using namespace tensorferry;

namespace {

Manifest words() {
  Manifest manifest;
  manifest.tensors.push_back(tensor_of("first", DType::uint8, {1}, "x"));
  manifest.tensors.push_back(
      strings_of("words", {2, 2}, {"a", "", std::string("b\0c", 3), "\xff"}));
  manifest.tensors[1].attributes = {{"unit", std::string("word")}};
  manifest.tensors.push_back(strings_of("none", {0, 3}, {}));
  manifest.tensors.push_back(strings_of("one", {}, {"only"}));
  return manifest;
}

std::string le64(std::initializer_list<std::uint64_t> values) {
  std::string text;
  for (std::uint64_t value : values) {
    for (int shift = 0; shift < 64; shift += 8) text += static_cast<char>(value >> shift & 255);
  }
  return text;
}

// A split manifest with something changed, joined: the names, and whether there was a note.
std::string joined_after(void (*change)(Manifest&)) {
  Manifest manifest = split_strings([] {
    Manifest one;
    one.tensors.push_back(strings_of("w", {2}, {"ab", "c"}));
    return one;
  }());
  change(manifest);
  const Manifest joined = join_strings(std::move(manifest));
  std::string names;
  for (const Tensor& tensor : joined.tensors) names += tensor.name + " ";
  return names + (joined.notes.empty() ? "" : "note");
}

}  // namespace

TEST_CASE("a tensor of strings becomes bytes and offsets in its place") {
  const Manifest split = split_strings(words());
  REQUIRE(split.tensors.size() == 7);
  CHECK(split.tensors[0].name == "first");
  const Tensor& bytes = split.tensors[1];
  const Tensor& offsets = split.tensors[2];
  CHECK(bytes.name == "words#bytes");
  CHECK(bytes.dtype == DType::uint8);
  CHECK(bytes.shape == Shape{5});
  CHECK(text_of(bytes) == std::string("ab\0c\xff", 5));
  CHECK(offsets.name == "words#offsets");
  CHECK(offsets.dtype == DType::int64);
  CHECK(offsets.shape == Shape{5});
  CHECK(text_of(offsets) == le64({0, 1, 1, 4, 5}));
  CHECK(std::get<std::string>(bytes.attributes.at("tensorferry.carrier")) == "strpair");
  CHECK(std::get<std::string>(bytes.attributes.at("tensorferry.shape")) == "2,2");
  CHECK(std::get<std::string>(bytes.attributes.at("unit")) == "word");
  CHECK(text_of(split.tensors[4]) == le64({0}));
}

TEST_CASE("join_strings undoes split_strings exactly") {
  Manifest split = split_strings(words());
  std::swap(split.tensors[1], split.tensors[2]);  // a file may list them in any order
  const Manifest joined = join_strings(std::move(split));
  const Manifest original = words();
  REQUIRE(joined.tensors.size() == original.tensors.size());
  CHECK(joined.notes.empty());
  for (std::size_t i = 0; i < joined.tensors.size(); ++i) {
    CHECK(joined.tensors[i].name == original.tensors[i].name);
    CHECK(joined.tensors[i].dtype == original.tensors[i].dtype);
    CHECK(joined.tensors[i].shape == original.tensors[i].shape);
    CHECK(joined.tensors[i].attributes == original.tensors[i].attributes);
    if (original.tensors[i].dtype != DType::string) continue;
    CHECK(load_strings(joined.tensors[i]) == load_strings(original.tensors[i]));
  }
}

TEST_CASE("names that nest are split and joined, too") {
  Manifest manifest;
  manifest.tensors.push_back(strings_of("a", {1}, {"1"}));
  manifest.tensors.push_back(strings_of("a#bytes", {1}, {"2"}));
  const Manifest joined = join_strings(split_strings(std::move(manifest)));
  REQUIRE(joined.tensors.size() == 2);
  CHECK(load_strings(joined.at("a")) == std::vector<std::string>{"1"});
  CHECK(load_strings(joined.at("a#bytes")) == std::vector<std::string>{"2"});
}

TEST_CASE("derived names that are taken are refused, all at once") {
  Manifest manifest = words();
  manifest.tensors.push_back(tensor_of("words#bytes", DType::uint8, {1}, "x"));
  manifest.tensors.push_back(tensor_of("one#offsets", DType::uint8, {1}, "x"));
  try {
    split_strings(std::move(manifest));
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.id() == "unsupported.name_taken");
    CHECK(error.message().find("words#bytes") != std::string::npos);
    CHECK(error.message().find("one#offsets") != std::string::npos);
  }
}

TEST_CASE("a tensor of strings that cannot be read is left for the plan to refuse") {
  Manifest manifest = words();
  manifest.tensors[1].problem = Error(ErrorCode::corrupt, "checksum", "bad");
  const Manifest split = split_strings(std::move(manifest));
  CHECK(split.tensors[1].name == "words");
  CHECK(split.tensors[1].problem);
}

TEST_CASE("pairs that do not fit together stay as they are, with a note") {
  CHECK(joined_after([](Manifest&) {}) == "w ");
  CHECK(joined_after([](Manifest& m) { m.tensors.pop_back(); }) == "w#bytes note");
  CHECK(joined_after([](Manifest& m) { m.tensors.erase(m.tensors.begin()); }) == "w#offsets note");
  CHECK(joined_after([](Manifest& m) {
          m.tensors[0].attributes["tensorferry.shape"] = std::string("3");
        }) == "w#bytes w#offsets note");
  CHECK(joined_after([](Manifest& m) {
          m.tensors[0].attributes["tensorferry.shape"] = std::string("2,");
        }) == "w#bytes w#offsets note");
  CHECK(joined_after([](Manifest& m) {
          m.tensors[0].attributes["tensorferry.shape"] = std::int64_t{2};
        }) == "w#bytes w#offsets note");
  CHECK(joined_after([](Manifest& m) {
          m.tensors[0].attributes["tensorferry.shape"] = std::string("4294967296,4294967296,2");
        }) == "w#bytes w#offsets note");
  CHECK(joined_after([](Manifest& m) { m.tensors[1].attributes.clear(); }) ==
        "w#bytes w#offsets note");
  CHECK(joined_after([](Manifest& m) { m.tensors[1].shape = {1, 3}; }) == "w#bytes w#offsets note");
  CHECK(joined_after([](Manifest& m) { m.tensors[0].dtype = DType::int8; }) ==
        "w#bytes w#offsets note");
  CHECK(joined_after([](Manifest& m) { m.tensors[0].shape = {99}; }) == "w#bytes w#offsets note");
  CHECK(joined_after([](Manifest& m) {
          m.tensors.push_back(tensor_of("w", DType::uint8, {1}, "x"));
        }) == "w#bytes w#offsets w note");
  CHECK(joined_after([](Manifest& m) { m.tensors[0].name = "w"; }) == "w w#offsets note");
}

TEST_CASE("offsets that fall, or do not end where the bytes do, are corrupt when they are loaded") {
  for (const std::string& ends : {le64({0, 2, 1}), le64({1, 2, 3}), le64({0, 2, 4}),
                                  le64({0, 2, 2}), le64({0, ~std::uint64_t{0}, 3})}) {
    Manifest manifest;
    manifest.tensors.push_back(tensor_of("w#bytes", DType::uint8, {3}, "abc"));
    manifest.tensors.push_back(tensor_of("w#offsets", DType::int64, {3}, ends));
    manifest.tensors[0].attributes = {{"tensorferry.carrier", std::string("strpair")},
                                      {"tensorferry.shape", std::string("2")}};
    manifest.tensors[1].attributes = {{"tensorferry.carrier", std::string("strpair")}};
    const Manifest joined = join_strings(std::move(manifest));
    REQUIRE(joined.tensors.size() == 1);
    CHECK(thrown_by([&] { load_strings(joined.tensors[0]); }) == "corrupt.string_offsets");
  }
}
