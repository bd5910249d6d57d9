#include <doctest/doctest.h>

#include <algorithm>
#include <tuple>

#include "error_id.h"
#include "tensorferry/edits.h"
#include "tensorferry/stream.h"

using namespace tensorferry;

namespace {

Tensor counting(std::string name, Shape shape) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = DType::uint8;
  tensor.shape = std::move(shape);
  std::vector<std::byte> bytes(tensor.bytes());
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  const std::uint64_t length = bytes.size();
  Piece piece;
  piece.origin = FileRange{memory_file("bytes", std::move(bytes)), 0, length};
  tensor.stored.pieces.push_back(std::move(piece));
  return tensor;
}

Manifest named(std::initializer_list<const char*> names) {
  Manifest manifest;
  for (const char* name : names) manifest.tensors.push_back(counting(name, {2}));
  return manifest;
}

std::string names_of(const Manifest& manifest) {
  std::string names;
  for (const Tensor& tensor : manifest.tensors) names += (names.empty() ? "" : " ") + tensor.name;
  return names;
}

std::string problems_of(const Manifest& manifest) {
  std::string ids;
  for (const Tensor& tensor : manifest.tensors) {
    ids += ids.empty() ? "" : " ";
    ids += tensor.problem ? tensor.problem->id() : "-";
  }
  return ids;
}

std::vector<int> values(const Tensor& tensor) {
  std::vector<int> result;
  for (const std::byte b : load_bytes(tensor)) result.push_back(std::to_integer<int>(b));
  return result;
}

Manifest one(Tensor tensor) {
  Manifest manifest;
  manifest.tensors.push_back(std::move(tensor));
  return manifest;
}

}  // namespace

TEST_CASE("rename replaces every match, rule after rule") {
  const Edit renamed =
      edit({.rename = {{"^dense/", "fc/"}, {"(\\w+)/kernel$", "$1.weight"}, {":0$", ""}}});
  const Manifest manifest = renamed(named({"dense/kernel", "dense/bias:0", "x"}));
  CHECK(names_of(manifest) == "fc.weight fc/bias x");
  CHECK(source_name(manifest.tensors[0]) == "dense/kernel");
  CHECK(manifest.tensors[2].renamed_from.empty());
  CHECK(names_of(edit({.rename = {{"a", "b"}}})(named({"aXa"}))) == "bXb");
}

TEST_CASE("another name drops what a format called the tensor") {
  Manifest manifest = named({"a", "b"});
  for (Tensor& tensor : manifest.tensors)
    tensor.attributes = {{"some.key", std::string("k")}, {"note", true}};
  const Manifest changed = edit({.rename = {{"a", "c"}}})(std::move(manifest));
  CHECK(changed.tensors[0].attributes.size() == 1);
  CHECK(changed.tensors[1].attributes.size() == 2);
}

TEST_CASE("every tensor whose name would stand twice has that problem") {
  const Manifest manifest = edit({.rename = {{"[0-9]", ""}}})(named({"a1", "a2", "b1", "b2", "c"}));
  CHECK(problems_of(manifest) ==
        "usage.name_collision usage.name_collision usage.name_collision usage.name_collision -");
  CHECK(manifest.tensors[0].problem->message() == "this would be the name of a1, a2");
  CHECK(error_id([] { edit({.rename = {{"(", ""}}}); }) == "usage.bad_regex");
}

TEST_CASE("a map renames, and says what it lacks") {
  const NameMap map = {{{"a", "b"}, {"b", "a"}, {"gone", "x"}}, Unmapped::error};
  const Manifest swapped = edit({.map = map})(named({"a", "b"}));
  CHECK(names_of(swapped) == "b a");
  REQUIRE(swapped.notes.size() == 1);
  CHECK(swapped.notes[0].id == "map.idle");
  CHECK(problems_of(edit({.map = map})(named({"a", "b", "c", "d"}))) ==
        "- - usage.unmapped usage.unmapped");
  const auto with = [&](Unmapped unmapped) { return edit({.map = NameMap{map.names, unmapped}}); };
  CHECK(names_of(with(Unmapped::keep)(named({"a", "c"}))) == "b c");
  CHECK(names_of(with(Unmapped::drop)(named({"a", "c"}))) == "b");
  const NameMap onto = {{{"a", "c"}}, Unmapped::keep};
  CHECK(problems_of(edit({.map = onto})(named({"a", "c"}))) ==
        "usage.name_collision usage.name_collision");
}

TEST_CASE("edits as text") {
  CHECK(parse_renaming("(?=x)a=b").expression == "(?=x)a");
  CHECK(parse_renaming("a=").replacement.empty());
  const Casting all = parse_casting("*=bfloat16");
  CHECK(all.pattern == "*");
  CHECK(!all.from);
  CHECK(all.to == DType::bfloat16);
  const Casting some = parse_casting("w*=float32>float16");
  CHECK(some.from == DType::float32);
  CHECK(some.to == DType::float16);
  CHECK(parse_casting("*=<f8").to == DType::float64);
  CHECK(parse_transposition("c=3,2,0,1").axes == std::vector<std::size_t>{3, 2, 0, 1});
  CHECK(error_id([] { parse_renaming("abc"); }) == "usage.bad_edit");
  CHECK(error_id([] { parse_renaming("=abc"); }) == "usage.bad_edit");
  CHECK(error_id([] { parse_casting("*=>f8"); }) == "usage.bad_edit");
  CHECK(error_id([] { parse_casting("*=half"); }) == "unsupported.ambiguous_dtype");
  for (const char* text : {"float16", "fp16", "half", "float32>bf16"})
    CHECK(error_message([&] { parse_casting(text); }).find("; '*=" + std::string(text)) !=
          std::string::npos);
  CHECK(error_message([] { parse_casting("float16"); }).find("casts every tensor of that kind") !=
        std::string::npos);
  CHECK(error_message([] { parse_casting("weights"); }).find("casts every") == std::string::npos);
  for (const char* text : {"c=", "c=0,", "c=0,,1", "c=-1", "c=0;1", "c=a"})
    CHECK(error_id([&] { parse_transposition(text); }) == "usage.bad_edit");
}

TEST_CASE("a cast changes the description, of numbers only") {
  Manifest manifest = named({"w", "x", "s", "b"});
  manifest.tensors[2].dtype = DType::string;
  manifest.tensors[3].dtype = DType::boolean;
  Edits edits;
  edits.cast = {{"w", std::nullopt, DType::float32},
                {"*", DType::boolean, DType::int16},
                {"*", std::nullopt, DType::int32}};
  const Manifest changed = edit(edits)(manifest);
  CHECK(changed.tensors[0].dtype == DType::float32);
  CHECK(stored_dtype(changed.tensors[0]) == DType::uint8);
  CHECK(changed.tensors[1].dtype == DType::int32);  // it is not bool
  CHECK(changed.tensors[3].dtype == DType::int16);
  CHECK(changed.tensors[2].dtype == DType::string);
  edits.cast = {{"s", std::nullopt, DType::int32}};
  CHECK(edit(edits)(manifest).tensors[2].problem->id() == "unsupported.cast");
}

TEST_CASE("a cast by a pattern takes the kind of its dtype, another one only when it is named") {
  const auto manifest = [] {
    Manifest made = named({"f", "d", "i", "u", "b", "z", "s"});
    const DType dtypes[] = {DType::float32, DType::float64,   DType::int64, DType::uint8,
                            DType::boolean, DType::complex64, DType::string};
    for (std::size_t i = 0; i < made.tensors.size(); ++i) made.tensors[i].dtype = dtypes[i];
    return made;
  };
  const auto cast_with = [&](std::vector<Casting> castings) {
    const Manifest done = edit({.cast = std::move(castings)})(manifest());
    std::string text;
    for (const Tensor& tensor : done.tensors)
      text += (text.empty() ? "" : " ") + std::string(to_string(tensor.dtype));
    for (const Note& note : done.notes) text += "\n" + note.id + ": " + note.text;
    return text;
  };
  CHECK(
      cast_with({{"*", std::nullopt, DType::float16}}) ==
      "float16 float16 int64 uint8 bool complex64 string\n"
      "cast.left_as_it_was: --cast *=float16 takes floating-point tensors only; 5 others are left "
      "as before: bool (1), int64 (1), uint8 (1), complex64 (1), string (1); name the dtype to "
      "cast it, as in '*=bool>float16'");
  CHECK(cast_with({{"*", DType::int64, DType::float16}}) ==
        "float32 float64 float16 uint8 bool complex64 string");
  CHECK(cast_with({{"[i]", std::nullopt, DType::float16}, {"b", std::nullopt, DType::float16}}) ==
        "float32 float64 float16 uint8 float16 complex64 string");
  CHECK(cast_with({{"?", std::nullopt, DType::float16},
                   {"*", std::nullopt, DType::int8},
                   {"[b]", std::nullopt, DType::uint8},
                   {"*", std::nullopt, DType::complex128}}) ==
        "float16 float16 int8 int8 uint8 complex128 string\n"
        "cast.left_as_it_was: --cast ?=float16 takes floating-point tensors only; 1 other is left "
        "as before: string (1)");
  CHECK(error_id([&] { cast_with({{"[iu]", std::nullopt, DType::float16}}); }) == "usage.no_match");
  CHECK(error_message([&] {
          cast_with({{"[iu]", std::nullopt, DType::float16}});
        }).find("no floating-point tensor, only int64 (1), uint8 (1)") != std::string::npos);
}

TEST_CASE("a renaming that matches no name is noted, one that changes nothing is not") {
  const Manifest done =
      edit({.rename = {{"a", "b"}, {"a", "c"}, {"x", "x"}, {"gone$", ""}}})(named({"a", "x"}));
  REQUIRE(done.notes.size() == 2);
  CHECK(done.notes[0].text == "--rename matches no name: a");
  CHECK(done.notes[1].text == "--rename matches no name: gone$");
}

TEST_CASE("transposing a matrix and undoing it") {
  const Edit flip = edit({.transpose = {{"w", {1, 0}}}});
  const Manifest flipped = flip(one(counting("w", {2, 3})));
  CHECK(flipped.tensors[0].shape == Shape{3, 2});
  CHECK(values(flipped.tensors[0]) == std::vector<int>{0, 3, 1, 4, 2, 5});
  const Manifest back = flip(flipped);
  CHECK(back.tensors[0].stored.pieces[0].byte_strides.empty());
  CHECK(values(back.tensors[0]) == std::vector<int>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("every permutation of a partitioned tensor equals index arithmetic") {
  const Shape shape = {2, 3, 4};
  Tensor tensor = counting("w", shape);
  // Two slices along the second dimension.
  const std::vector<int> whole = values(tensor);
  std::vector<std::byte> first, second;
  for (std::uint64_t i = 0; i < 2; ++i) {
    for (std::uint64_t j = 0; j < 3; ++j) {
      for (std::uint64_t k = 0; k < 4; ++k) {
        (j < 1 ? first : second).push_back(static_cast<std::byte>((i * 3 + j) * 4 + k));
      }
    }
  }
  tensor.stored.pieces.clear();
  for (const auto& [bytes, start, extent] : {std::tuple{first, Shape{0, 0, 0}, Shape{2, 1, 4}},
                                             std::tuple{second, Shape{0, 1, 0}, Shape{2, 2, 4}}}) {
    Piece piece;
    piece.origin = FileRange{memory_file("slice", bytes), 0, bytes.size()};
    piece.start = start;
    piece.extent = extent;
    tensor.stored.pieces.push_back(piece);
  }
  CHECK(values(tensor) == whole);
  std::vector<std::size_t> axes = {0, 1, 2};
  do {
    Manifest moved = edit({.transpose = {{"*", axes}}})(one(tensor));
    check(moved);
    const Tensor& result = moved.tensors[0];
    CHECK(!result.problem);
    std::vector<int> expected;
    std::uint64_t index[3];
    for (index[0] = 0; index[0] < shape[axes[0]]; ++index[0]) {
      for (index[1] = 0; index[1] < shape[axes[1]]; ++index[1]) {
        for (index[2] = 0; index[2] < shape[axes[2]]; ++index[2]) {
          std::uint64_t at[3];
          for (std::size_t d = 0; d < 3; ++d) at[axes[d]] = index[d];
          expected.push_back(static_cast<int>((at[0] * 3 + at[1]) * 4 + at[2]));
        }
      }
    }
    CHECK(values(result) == expected);
  } while (std::next_permutation(axes.begin(), axes.end()));
}

TEST_CASE("strings are transposed, too") {
  Tensor tensor;
  tensor.name = "s";
  tensor.dtype = DType::string;
  tensor.shape = {2, 3};
  Piece piece;
  piece.origin =
      StringSource{6, [] { return std::vector<std::string>{"a", "b", "c", "d", "e", "f"}; }};
  tensor.stored.pieces.push_back(piece);
  const Manifest moved = edit({.transpose = {{"s", {1, 0}}}})(one(tensor));
  CHECK(load_strings(moved.tensors[0]) == std::vector<std::string>{"a", "d", "b", "e", "c", "f"});
}

TEST_CASE("what does not fit is a problem of its tensor, what fits none is refused") {
  const auto axes = [](std::vector<std::size_t> order) {
    return edit({.transpose = {{"w", std::move(order)}}});
  };
  CHECK(error_id([&] { axes({0, 0}); }) == "usage.axes");
  CHECK(error_id([&] { axes({0, 2}); }) == "usage.axes");
  CHECK(problems_of(axes({1, 0})(one(counting("w", {2, 2, 2})))) == "usage.axes");
  CHECK(error_id([&] { axes({1, 0})(one(counting("v", {2, 2}))); }) == "usage.no_match");
  Tensor packed = counting("w", {2, 2});
  packed.dtype = DType::int4;
  packed.stored.codec = Codec::packed;
  CHECK(problems_of(axes({1, 0})(one(packed))) == "unsupported.packed");
  CHECK(error_id([] {
          edit({.cast = {{"v", std::nullopt, DType::int8}}})(named({"w"}));
        }) == "usage.no_match");
}

TEST_CASE("metadata is set") {
  Manifest manifest;
  manifest.attributes["a"] = std::string("old");
  const Manifest changed =
      edit({.metadata = {{"a", std::string("new")}, {"n", std::int64_t{3}}}})(manifest);
  CHECK(std::get<std::string>(changed.attributes.at("a")) == "new");
  CHECK(std::get<std::int64_t>(changed.attributes.at("n")) == 3);
}
