#include <doctest/doctest.h>

#include <string>

#include "layout_in_memory.h"
#include "tensorferry/format.h"

namespace tensorferry {
Format make_onnx_format();
}

using namespace tensorferry;
using namespace std::string_literals;

namespace {

// What detection finds in a file of these bytes.
Match probe(const std::string& bytes, std::string_view extension = ".bin") {
  const Input input = Input::memory("file", {{"file", bytes}});
  const std::string_view all = bytes;
  const std::string_view prefix = all.substr(0, 4096);
  const std::string_view suffix = all.substr(all.size() - std::min<std::size_t>(all.size(), 4096));
  return make_onnx_format().probe({input, prefix, suffix, bytes.size(), extension});
}

std::string written_model() {
  Manifest manifest;
  manifest.tensors = {tensor_of("w", DType::uint8, {8000}, std::string(8000, 'x')),
                      tensor_of("b", DType::int8, {2}, "ab")};
  const Format format = make_onnx_format();
  const Layout layout =
      format.writer->lay_out(manifest, {"m.onnx", false}, Options(format.write_options, {}));
  return carry_out(layout, manifest).at("");
}

}  // namespace

TEST_CASE("a model is detected by content, whatever its name") {
  CHECK(probe(written_model()) == Match::exact);
  // ir_version 3, model_version, a graph with one node and a name.
  CHECK(probe("\x08\x03\x28\x01\x3a\x09\x0a\x04\x22\x02Id\x12\x01g"s) == Match::exact);
  CHECK(probe("\x08\x08\x3a\x00"s) == Match::exact);
}

TEST_CASE("a model that is cut inside its graph is still one") {
  const std::string model = written_model();
  for (std::size_t size = 40; size < model.size(); ++size)
    CHECK(probe(model.substr(0, size)) == Match::exact);
}

TEST_CASE("a doc_string that hides the graph leaves it to the name") {
  const std::string model = "\x08\x08\x32\xa0\x1f"s + std::string(4000, 'd') + "\x3a\x00"s;
  CHECK(probe(model) == Match::exact);
  const std::string longer = "\x08\x08\x32\xa0\x3f"s + std::string(8096, 'd') + "\x3a\x00"s;
  CHECK(probe(longer) == Match::no);
  CHECK(probe(longer, ".onnx") == Match::exact);
}

TEST_CASE("other files are not models, even when they are called so") {
  for (const std::string& bytes : {
           ""s,
           "\x08"s,
           "\x08\x08"s,
           "\x08\x01\x12\x04\x0a\x02\x12\x00"s,          // TensorFlow's saved_model.pb
           "\x0a\x06\x0a\x01x\x12\x01y"s,                // TensorFlow's GraphDef
           "\x08\x00\x3a\x02\x12\x00"s,                  // no version
           "\x08\xff\xff\xff\xff\x0f\x3a\x02\x12\x00"s,  // not a version
           "\x3a\x02\x12\x00"s,                          // no version at all
           "\x08\x08\x3a\x02\x18\x01"s,                  // a graph holds no varints
           "\x08\x08\x3a\x04\x12\x03zz"s,                // a field longer than its graph
           "\x08\x08\x12\x7fzz"s,                        // a field longer than the file
           "\x08\x08\x10\x01\x3a\x00"s,                  // producer_name as a number
           "\x08\x08\x4a\x00\x3a\x00"s,                  // a field that no model has
           "\x93NUMPY\x01\x00v\x00{'descr': '<f4'}"s,
           "\x89HDF\r\n\x1a\n"s,
           "PK\x03\x04"s,
           std::string(5000, '\0'),
       }) {
    CHECK(probe(bytes, ".onnx") == Match::no);
  }
}

TEST_CASE("detection survives any byte at any place") {
  const std::string model = written_model();
  for (std::size_t at = 0; at < 60; ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = model;
      changed[at] = static_cast<char>(byte);
      CHECK_NOTHROW(probe(changed));
    }
  }
}
