#include <doctest/doctest.h>

#include <map>
#include <string>

#include "api/builtin_formats.h"
#include "formats/layout_in_memory.h"
#include "npy/file_names.h"
#include "npy/npy.h"
#include "tensorferry/convert.h"
#include "util/npy_header.h"

using namespace tensorferry;

namespace {

std::string array(std::string_view descr, const Shape& shape, std::string_view elements) {
  return npy_header(descr, shape) + std::string(elements);
}

std::string column_major(std::string bytes) {
  const std::size_t at = bytes.find("False");
  return bytes.replace(at, 5, "True ");
}

Manifest read_one(const std::string& bytes, const std::map<std::string, std::string>& options = {},
                  const std::string& leaf = "w.npy") {
  return read(Input::memory(leaf, {{leaf, bytes}}), {"npy", options, {}});
}

std::string problem_of(const std::string& bytes,
                       const std::map<std::string, std::string>& options = {}) {
  const Manifest manifest = read_one(bytes, options);
  return manifest.tensors[0].problem ? manifest.tensors[0].problem->id() : "no problem";
}

}  // namespace

TEST_CASE("one file is one tensor called as the file") {
  const Manifest manifest = read_one(array("<u2", {2}, "abcd"));
  REQUIRE(manifest.tensors.size() == 1);
  const Tensor& tensor = manifest.tensors[0];
  CHECK(tensor.name == "w");
  CHECK(tensor.dtype == DType::uint16);
  CHECK(tensor.shape == Shape{2});
  CHECK(text_of(tensor) == "abcd");
  CHECK(manifest.notes.empty());
  CHECK(read_one(array("|u1", {}, "a"), {}, "layer%2Fkernel%3A0.npy").tensors[0].name ==
        "layer/kernel:0");
  CHECK(read_one(array("|u1", {}, "a"), {}, "a%2Fb%zz.npy").tensors[0].name == "a%2Fb%zz");
}

TEST_CASE("order of bytes and of dimensions") {
  CHECK(text_of(read_one(array(">u2", {2}, "abcd")).tensors[0]) == "badc");
  CHECK(text_of(read_one(array(">c8", {1}, "abcdefgh")).tensors[0]) == "dcbahgfe");
  const Tensor tensor = read_one(column_major(array("|u1", {2, 3}, "adbecf"))).tensors[0];
  CHECK(text_of(tensor) == "abcdef");
  CHECK_FALSE(tensor.stored.pieces[0].byte_strides.empty());
  // One dimension that counts has one order.
  CHECK(read_one(column_major(array("|u1", {1, 3}, "abc")))
            .tensors[0]
            .stored.pieces[0]
            .byte_strides.empty());
  CHECK(read_one(column_major(array("|u1", {0, 3}, ""))).tensors[0].problem.has_value() == false);
}

TEST_CASE("strings lose the NULs at their end, in either order") {
  const Tensor tensor =
      read_one(array("|S3", {2, 2}, std::string("a\0\0bc\0\0\0\0def", 12))).tensors[0];
  CHECK(tensor.dtype == DType::string);
  CHECK(load_strings(tensor) == std::vector<std::string>{"a", "bc", "", "def"});
  const Tensor turned = read_one(column_major(array("|S1", {2, 3}, "adbecf"))).tensors[0];
  CHECK(load_strings(turned) == std::vector<std::string>{"a", "b", "c", "d", "e", "f"});
  CHECK(load_strings(read_one(array("|S0", {2}, "")).tensors[0]) ==
        std::vector<std::string>{"", ""});
  // No bytes in the file, and more memory than there is.
  const Tensor huge = read_one(array("|S0", {1ull << 40}, "")).tensors[0];
  CHECK(thrown_by([&] { load_strings(huge); }) == "resources.strings");
}

TEST_CASE("bytes that numpy calls void: bfloat16 with a note, or what the option says") {
  const Manifest half = read_one(array("<V2", {1}, "ab"));
  CHECK(half.tensors[0].dtype == DType::bfloat16);
  CHECK(half.tensors[0].attributes.empty());
  REQUIRE(half.notes.size() == 1);
  CHECK(half.notes[0].id == "npy.bfloat16");
  const Manifest told = read_one(array("|V2", {1}, "ab"), {{"dtype", "float16"}});
  CHECK(told.tensors[0].dtype == DType::float16);
  CHECK(told.notes.empty());
  CHECK(problem_of(array("|V1", {1}, "a")) == "unsupported.dtype");
  CHECK(read_one(array("|V1", {1}, "a"), {{"dtype", "float8_e4m3fn"}}).tensors[0].dtype ==
        DType::float8_e4m3fn);
  CHECK(problem_of(array("|V1", {1}, "a"), {{"dtype", "bfloat16"}}) == "unsupported.dtype");
  CHECK(problem_of(array("|V4", {1}, "abcd")) == "unsupported.dtype");
  CHECK(text_of(read_one(array("|V1", {1}, "\xff"), {{"dtype", "int4"}}).tensors[0]) == "\x0f");
  CHECK(read_one(array("<f1", {1}, "a")).tensors[0].dtype == DType::float8_e5m2);
}

TEST_CASE("arrays that are not read are listed with the reason") {
  CHECK(problem_of(array("|O", {1}, "pickle")) == "unsupported.pickle");
  CHECK(problem_of(array("<U1", {1}, "abcd")) == "no problem");  // loading looks at characters
  CHECK(problem_of(array("<M8[ns]", {1}, "abcdefgh")) == "unsupported.dtype");
  CHECK(problem_of(array("<u2", {3}, "abcd")) == "corrupt.truncated");
  CHECK(problem_of(array("|u1", Shape(64, 1), "a")) == "no problem");
  CHECK(problem_of(array("|u1", Shape(65, 1), "a")) == "unsupported.rank");
  CHECK(problem_of(array("|u1", {1ull << 62, 8, 0}, "")) == "corrupt.shape");
  CHECK(problem_of(array("<u8", {1ull << 61, 0, 2}, "")) != "corrupt.truncated");
  CHECK(problem_of("\x93NUMPY") == "corrupt.truncated");
  CHECK(read_one(array("|O", {2, 3}, "")).tensors[0].shape == Shape{2, 3});
}

TEST_CASE("bytes behind the elements are ignored with a note") {
  const Manifest manifest = read_one(array("|u1", {2}, "ab") + array("|u1", {2}, "cd"));
  CHECK(text_of(manifest.tensors[0]) == "ab");
  REQUIRE(manifest.notes.size() == 1);
  CHECK(manifest.notes[0].id == "npy.trailing");
}

TEST_CASE("a folder without our manifest: names from file names, each file on its own") {
  const std::string good = array("|u1", {1}, "a");
  const std::map<std::string, std::string> files = {{"a%2Fb.npy", good},
                                                    {"plain.npy", good},
                                                    {"bad.npy", "no array"},
                                                    {"100%.npy", good},
                                                    {"%.npy", good},
                                                    {"%57.npy", good},
                                                    {".hidden.npy", "x"},
                                                    {"notes.txt", "x"},
                                                    {"c%20d.npy", good},
                                                    {"c d.npy", good},
                                                    {"manifest.json", "{\"not\": \"ours\"}"}};
  const Input folder = Input::memory("", files);
  const Registry& registry = Registry::global();
  const Manifest manifest = read(folder, {"npy", {}, {}});
  std::map<std::string, std::string> found;
  for (const Tensor& tensor : manifest.tensors) {
    found[tensor.name] = tensor.problem ? tensor.problem->id() : text_of(tensor);
  }
  const std::map<std::string, std::string> expected = {
      {"a/b", "a"},   {"plain", "a"}, {"bad", "corrupt.npy_magic"},
      {"100%", "a"},  {"", "a"},      {"W", "a"},
      {"c%20d", "a"}, {"c d", "a"}};
  CHECK(found == expected);
  CHECK(manifest.notes.empty());
  CHECK(registry.detect(Input::memory("", {{"x.npy", good}, {"y.npy", "bad"}})).name == "npy");
  const Input ours = Input::memory(
      "", {{"x.npy", good}, {"manifest.json", R"({"tensorferry": 1, "tensors": []})"}});
  CHECK(registry.detect(ours).name == "raw");
  // A file under another name makes no folder of arrays, but it is the only model in this one.
  Input other = Input::memory("", {{"x.txt", good}});
  CHECK(registry.detect(other).name == "npy");
  CHECK(other.kind() == Input::Kind::file);
}

TEST_CASE("names of files are undone") {
  const std::vector<std::string> names = {"",   "a/b:0", "W", "w", ".",   "..",
                                          "-x", "con",   "%", "~", "a b", "\xff\x00z"};
  const std::vector<std::string> files = file_names({names.begin(), names.end()});
  for (std::size_t i = 0; i < names.size(); ++i) {
    CAPTURE(files[i]);
    CHECK(name_of_file(files[i]) == names[i]);
  }
  CHECK_FALSE(name_of_file(file_names({std::string(300, 'x')})[0]).has_value());
  for (const char* file : {"a%2", "a%2f", "a%61", "a b", "%%"})
    CHECK_FALSE(name_of_file(file).has_value());
}
