#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "layout_in_memory.h"
#include "onnx/onnx.h"
#include "tensorferry/format.h"
#include "test_onnx_wire.h"

namespace tensorferry {
Format make_onnx_format();
}

using namespace tensorferry;

namespace {

using Given = std::map<std::string, std::string>;

std::string initializer(const std::string& name, int code, std::uint64_t extent,
                        const std::string& rest) {
  return block(
      5, number(1, extent) + number(2, static_cast<std::uint64_t>(code)) + block(8, name) + rest);
}

std::string model(const std::string& graph) {
  return number(1, 8) + block(7, graph) + block(8, number(2, 17));
}

std::string external(const std::string& location, std::uint64_t offset, std::uint64_t length) {
  return block(13, block(1, "location") + block(2, location)) +
         block(13, block(1, "offset") + block(2, std::to_string(offset))) +
         block(13, block(1, "length") + block(2, std::to_string(length))) + number(14, 1);
}

Patch patch(const std::string& bytes, std::vector<Tensor> tensors, const Given& given = {},
            std::map<std::string, std::string> files = {}) {
  files["m.onnx"] = bytes;
  const Format format = make_onnx_format();
  Manifest replacements;
  replacements.tensors = std::move(tensors);
  Patch made = format.patcher->patch(Input::memory("m.onnx", std::move(files)), replacements,
                                     {"n.onnx", false}, Options(format.write_options, given), {});
  check(made.manifest);
  return made;
}

std::map<std::string, std::string> patched(const std::string& bytes, std::vector<Tensor> tensors,
                                           const Given& given = {},
                                           std::map<std::string, std::string> files = {}) {
  const Patch made = patch(bytes, std::move(tensors), given, std::move(files));
  return carry_out(made.layout, made.manifest);
}

Tensor bytes8(std::string name, std::string_view bytes) {
  return tensor_of(std::move(name), DType::uint8, {bytes.size()}, bytes);
}

}  // namespace

TEST_CASE("onnx patcher: elements of the same size are all that changes") {
  const std::string before = number(77, 5) + initializer("a", 2, 3, block(9, "old")) +
                             block(2, "graph") + initializer("b", 2, 3, block(9, "two"));
  const std::string after = number(77, 5) + initializer("a", 2, 3, block(9, "new")) +
                            block(2, "graph") + initializer("b", 2, 3, block(9, "two"));
  CHECK(patched(model(before), {bytes8("a", "new")}).at("") == model(after));
}

TEST_CASE("onnx patcher: typed values become raw data where they stood, and lengths follow") {
  const std::string doc = block(12, std::string(120, 'd'));
  // uint8 in int32_data; the tensor, the graph and the model cross a length of 127.
  const std::string before =
      initializer("a", 2, 5, block(5, std::string(3, '\1')) + doc + number(5, 2) + number(5, 3));
  const std::string after = initializer("a", 2, 5, block(9, "01234") + doc);
  CHECK(patched(model(before), {bytes8("a", "01234")}).at("") == model(after));

  const std::string small = initializer("a", 7, 16, block(7, std::string(16, '\0')));
  const Tensor wide = tensor_of("a", DType::int64, {16}, std::string(128, 'w'));
  CHECK(patched(model(small), {wide}).at("") ==
        model(initializer("a", 7, 16, block(9, std::string(128, 'w')))));
}

TEST_CASE("onnx patcher: strings, and tensors without elements") {
  const std::string before =
      initializer("s", 8, 2, block(6, "x") + block(16, "p") + block(6, "y")) +
      initializer("none", 2, 0, block(9, "")) + initializer("bare", 2, 0, "");
  const std::string after =
      initializer("s", 8, 2, block(6, "one") + block(6, "") + block(16, "p")) +
      initializer("none", 2, 0, block(9, "")) + initializer("bare", 2, 0, "");
  CHECK(patched(model(before),
                {bytes8("bare", ""), bytes8("none", ""), strings_of("s", {2}, {"one", ""})})
            .at("") == model(after));
}

TEST_CASE("onnx patcher: long ranges are moved, short ones are literal") {
  const std::string text(100'000, 't');
  const std::string before =
      model(block(10, text) + initializer("bytes 0..9", 2, 3, block(9, "old")) + block(12, text));
  const Patch made = patch(before, {bytes8("bytes 0..9", "new")});
  std::size_t literal = 0;
  for (const Segment& segment : made.layout.segments) literal += segment.bytes.size();
  CHECK(literal < 100);
  CHECK(made.manifest.tensors.size() == 3);
  CHECK(carry_out(made.layout, made.manifest).at("").size() == before.size());
}

TEST_CASE("onnx patcher: external data") {
  const Given files = {{"old.bin", "..0123456789"}};
  const std::string before = model(initializer("a", 2, 4, external("old.bin", 2, 4)) +
                                   initializer("b", 2, 4, external("old.bin", 8, 4)) +
                                   initializer("c", 2, 4, external("old.bin", 8, 4)) +
                                   initializer("d", 2, 2, block(9, "dd")));
  SUBCASE("what stays is copied, once where it is shared") {
    const auto made = patched(before, {bytes8("a", "AAAA")}, {}, files);
    CHECK(made.at("n.onnx.data") == "AAAA" + std::string(60, '\0') + "6789");
    CHECK(made.at("") == model(initializer("a", 2, 4, external("n.onnx.data", 0, 4)) +
                               initializer("b", 2, 4, external("n.onnx.data", 64, 4)) +
                               initializer("c", 2, 4, external("n.onnx.data", 64, 4)) +
                               initializer("d", 2, 2, block(9, "dd"))));
  }
  SUBCASE("never: all of it comes into the model") {
    const auto made = patched(before, {bytes8("a", "AAAA")}, {{"external", "never"}}, files);
    CHECK(made.size() == 1);
    CHECK(made.at("") ==
          model(initializer("a", 2, 4, block(9, "AAAA")) +
                initializer("b", 2, 4, block(9, "6789")) +
                initializer("c", 2, 4, block(9, "6789")) + initializer("d", 2, 2, block(9, "dd"))));
  }
  SUBCASE("always: from the threshold on, and of what is written anew only") {
    const Given given = {{"external", "always"}, {"external_threshold", "3"}};
    const auto made = patched(before, {bytes8("d", "DD")}, given, files);
    CHECK(made.at("n.onnx.data") ==
          "0123" + std::string(60, '\0') + "6789");  // a, and b with c; d is too small
    CHECK(made.at("").ends_with(initializer("d", 2, 2, block(9, "DD")) + block(8, number(2, 17))));
  }
  SUBCASE("what stays and is lost") {
    CHECK(thrown_by([&] { patch(before, {bytes8("a", "AAAA")}); }) == "input.external_data");
    const std::string one = model(initializer("a", 2, 4, external("old.bin", 2, 4)));
    CHECK(patched(one, {bytes8("a", "AAAA")}).at("n.onnx.data") == "AAAA");
  }
}

TEST_CASE("onnx patcher: what is no tensor of its own is refused by name") {
  const std::string value = block(5, block(1, "value_int") + number(3, 4) + number(20, 2));
  const std::string node = block(1, block(2, "c") + block(4, "Constant") + value);
  const Tensor four = tensor_of("c", DType::int64, {}, std::string(8, '\0'));
  CHECK(thrown_by([&] { patch(model(node), {four}); }) == "unsupported.not_replaceable");
  const Format format = make_onnx_format();
  const Input input = Input::memory("m.onnx", {{"m.onnx", model("")}});
  CHECK(thrown_by([&] {
          format.patcher->patch(input, {}, {"n", true}, Options(format.write_options, {}), {});
        }) == "usage.directory_output");
}

TEST_CASE("onnx patcher: a model that is cut anywhere is an error") {
  const std::string inner = block(6, initializer("w", 2, 3, block(9, "old")) + block(2, "inner"));
  const std::string node =
      block(1, block(3, "n") + block(4, "If") + block(5, block(1, "t") + inner));
  const std::string whole = model(node + initializer("a", 2, 3, block(9, "old")));
  const std::vector<Tensor> both = {bytes8("a", "new"), bytes8("n.t/w", "new")};
  CHECK(patched(whole, both).at("").size() == whole.size());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string id = thrown_by([&] { patch(whole.substr(0, size), both); });
    CHECK_MESSAGE(id.starts_with("corrupt."), size);
  }
  for (std::size_t place = 0; place < whole.size(); ++place) {
    std::string damaged = whole;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x15);
    const std::string id = thrown_by([&] { patch(damaged, both); });
    CHECK_MESSAGE(!id.starts_with("internal"), place);
  }
}
