#include <doctest/doctest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "onnx/onnx.h"
#include "tensorferry/stream.h"
#include "test_onnx_wire.h"

using namespace tensorferry;

namespace {

std::string int64s(const std::vector<std::int64_t>& values) {
  std::string bytes(values.size() * 8, '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::string tensor(const std::vector<std::uint64_t>& dims, int code, const std::string& rest,
                   const std::string& name = "w") {
  std::string out;
  for (const std::uint64_t extent : dims) out += number(1, extent);
  return out + number(2, static_cast<std::uint64_t>(code)) + block(8, name) + rest;
}

std::string model(const std::string& graph) {
  return number(1, 8) + block(7, graph) + block(8, number(2, 17));
}

Manifest read_model(const std::string& graph, std::map<std::string, std::string> files = {},
                    const Limits& limits = {}) {
  files["m.onnx"] = model(graph);
  const Input input = Input::memory("m.onnx", std::move(files));
  Manifest manifest = make_onnx_reader()->read(input, {}, limits);
  check(manifest, limits);
  return manifest;
}

const FileRange& range_of(const Tensor& tensor) {
  REQUIRE(tensor.stored.pieces.size() == 1);
  return std::get<FileRange>(tensor.stored.pieces[0].origin);
}

std::string problem_of(const Manifest& manifest) {
  REQUIRE(manifest.tensors.size() == 1);
  return manifest.tensors[0].problem ? manifest.tensors[0].problem->id() : "";
}

/// Any range of the bytes of a file is the same part of the whole.
void check_windows(const FileRange& range, const std::string& whole) {
  REQUIRE(range.length == whole.size());
  for (std::size_t begin = 0; begin <= whole.size(); ++begin) {
    for (std::size_t size = 0; size <= whole.size() - begin; ++size) {
      CHECK(range.file->read_string(range.offset + begin, size) == whole.substr(begin, size));
    }
  }
}

}  // namespace

TEST_CASE("onnx reader: raw data, packed floats and external data are ranges of files") {
  const std::string elements = "abcdefgh";
  const std::string entries = block(13, block(1, "location") + block(2, "sub/x")) +
                              block(13, block(1, "offset") + block(2, "3")) + number(14, 1);
  const Manifest manifest = read_model(block(5, tensor({2}, 1, block(9, elements), "raw")) +
                                           block(5, tensor({2}, 1, block(4, elements), "packed")) +
                                           block(5, tensor({2}, 1, entries, "external")),
                                       {{"sub/x", "123" + elements}});
  REQUIRE(manifest.tensors.size() == 3);
  for (const Tensor& each : manifest.tensors) {
    CHECK_FALSE(each.problem);
    CHECK(each.dtype == DType::float32);
    const FileRange& range = range_of(each);
    CHECK(range.file->name() == (each.name == "external" ? "sub/x" : "m.onnx"));
    CHECK(range.file->read_string(range.offset, range.length) == elements);
  }
}

TEST_CASE("onnx reader: varints are decoded at any place") {
  std::string values;
  for (const std::uint64_t value : {1ull, 300ull, ~0ull}) values += number(5, value);
  const Manifest manifest = read_model(block(5, tensor({3}, 5, values)));
  CHECK(problem_of(manifest) == "");
  check_windows(range_of(manifest.tensors[0]), std::string("\1\0\x2c\1\xff\xff", 6));
}

TEST_CASE("onnx reader: sparse tensors are dense at any place") {
  const std::string values = block(1, tensor({2}, 5, block(9, "abcd")));
  const auto sparse = [&](const std::string& indices) {
    return block(15, values + block(2, indices) + number(3, 2) + number(3, 3));
  };
  const std::string dense("\0\0ab\0\0\0\0\0\0cd", 12);
  SUBCASE("linear") {
    const Manifest manifest = read_model(sparse(tensor({2}, 7, block(9, int64s({1, 5})))));
    check_windows(range_of(manifest.tensors.at(0)), dense);
  }
  SUBCASE("coordinates") {
    const Manifest manifest = read_model(sparse(tensor({2, 2}, 7, block(9, int64s({0, 1, 1, 2})))));
    check_windows(range_of(manifest.tensors.at(0)), dense);
  }
  SUBCASE("a coordinate outside of its dimension") {
    const Manifest manifest = read_model(sparse(tensor({2, 2}, 7, block(9, int64s({0, 1, 0, 3})))));
    const FileRange& range = range_of(manifest.tensors.at(0));
    CHECK_THROWS_AS(range.file->read_string(0, 1), Error);
  }
}

TEST_CASE("onnx reader: what a tensor says must fit what it holds") {
  CHECK(problem_of(read_model(block(5, tensor({2}, 1, block(9, "1234567"))))) == "corrupt.size");
  CHECK(problem_of(read_model(block(5, tensor({2}, 1, "")))) == "corrupt.values");
  CHECK(problem_of(read_model(block(
            5, tensor({2}, 1, block(9, "12345678") + block(4, "12345678"))))) == "corrupt.values");
  CHECK(problem_of(read_model(block(5, tensor({~0ull}, 1, "")))) == "corrupt.shape");
  CHECK(problem_of(read_model(block(5, tensor({1}, 77, block(9, "1"))))) == "unsupported.dtype");
  CHECK(problem_of(read_model(block(5, tensor({1}, 2, block(9, "1") + block(3, ""))))) ==
        "unsupported.segment");
  CHECK(problem_of(read_model(block(5, tensor(std::vector<std::uint64_t>(300, 1), 2, "")))) ==
        "unsafe.limit");
}

TEST_CASE("onnx reader: limits") {
  Limits limits;
  limits.tensors = 1;
  const std::string one = block(5, tensor({0}, 1, "", "a"));
  CHECK_NOTHROW(read_model(one, {}, limits));
  CHECK_THROWS_AS(read_model(one + block(5, tensor({0}, 1, "", "b")), {}, limits), Error);
  limits.header_bytes = 10;
  CHECK_THROWS_AS(read_model(block(5, tensor({0}, 1, "", "more than ten")), {}, limits), Error);
}
