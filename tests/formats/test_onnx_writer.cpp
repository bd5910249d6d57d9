#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "layout_in_memory.h"
#include "tensorferry/format.h"
#include "test_onnx_model.h"

namespace tensorferry {
Format make_onnx_format();
}

using namespace tensorferry;
using namespace std::string_literals;
using nlohmann::json;
using onnx_test::Model;

namespace {

using Given = std::map<std::string, std::string>;

Manifest manifest_of(std::vector<Tensor> tensors) {
  Manifest manifest;
  manifest.tensors = std::move(tensors);
  return manifest;
}

// Zeros that are nowhere: for layouts that are not carried out.
Tensor shaped(std::string name, DType dtype, Shape shape) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  return tensor;
}

Layout lay_out(const Manifest& manifest, const Given& given = {},
               const std::string& leaf = "m.onnx") {
  const Format format = make_onnx_format();
  REQUIRE(format.writer);
  Layout layout =
      format.writer->lay_out(manifest, {leaf, false}, Options(format.write_options, given));
  check(layout, manifest);
  return layout;
}

std::map<std::string, std::string> write(const Manifest& manifest, const Given& given = {}) {
  return carry_out(lay_out(manifest, given), manifest);
}

Model model_of(const Manifest& manifest, const Given& given = {}) {
  return onnx_test::parse_model(write(manifest, given).at(""));
}

// The literal bytes with zeros for elements: for what carry_out() does not pack, or is too large
// for.
Model skeleton(const Layout& layout) {
  std::string bytes(layout.files.at(0).size, '\0');
  for (const Segment& segment : layout.segments) {
    bytes.replace(segment.offset, segment.bytes.size(), segment.bytes);
  }
  return onnx_test::parse_model(bytes);
}

Model skeleton(const Manifest& manifest) { return skeleton(lay_out(manifest)); }

const Slot& slot_of(const Layout& layout, std::size_t tensor) {
  for (const Slot& slot : layout.slots) {
    if (slot.tensor == tensor) return slot;
  }
  FAIL("no slot");
  return layout.slots.front();
}

constexpr std::uint64_t kMiB = 1 << 20;

struct Row {
  DType dtype;
  std::uint64_t code, ir_version, opset, bytes_of_five;
  bool output;
};

// dtypes.md and the release notes of ONNX, typed in again.
const std::vector<Row> kRows = {
    {DType::float32, 1, 8, 17, 20, true},
    {DType::uint8, 2, 8, 17, 5, true},
    {DType::int8, 3, 8, 17, 5, true},
    {DType::uint16, 4, 8, 17, 10, true},
    {DType::int16, 5, 8, 17, 10, true},
    {DType::int32, 6, 8, 17, 20, true},
    {DType::int64, 7, 8, 17, 40, true},
    {DType::boolean, 9, 8, 17, 5, true},
    {DType::float16, 10, 8, 17, 10, true},
    {DType::float64, 11, 8, 17, 40, true},
    {DType::uint32, 12, 8, 17, 20, true},
    {DType::uint64, 13, 8, 17, 40, true},
    {DType::complex64, 14, 8, 17, 40, false},
    {DType::complex128, 15, 8, 17, 80, false},
    {DType::bfloat16, 16, 8, 17, 10, true},
    {DType::float8_e4m3fn, 17, 9, 19, 5, true},
    {DType::float8_e4m3fnuz, 18, 9, 19, 5, true},
    {DType::float8_e5m2, 19, 9, 19, 5, true},
    {DType::float8_e5m2fnuz, 20, 9, 19, 5, true},
    {DType::uint4, 21, 10, 21, 3, true},
    {DType::int4, 22, 10, 21, 3, true},
    {DType::float4_e2m1fn, 23, 11, 23, 3, true},
    {DType::float8_e8m0fnu, 24, 12, 24, 5, true},
    {DType::uint2, 25, 13, 25, 2, true},
    {DType::int2, 26, 13, 25, 2, true},
    {DType::float6_e2m3fn, 27, 14, 28, 4, false},
    {DType::float6_e3m2fn, 28, 14, 28, 4, false},
    {DType::float8_e4m3b11fnuz, 2, 8, 17, 5, true},
    {DType::longdouble, 2, 8, 17, 80, true},
    {DType::qint8, 3, 8, 17, 5, true},
    {DType::quint8, 2, 8, 17, 5, true},
    {DType::qint16, 5, 8, 17, 10, true},
    {DType::quint16, 4, 8, 17, 10, true},
    {DType::qint32, 6, 8, 17, 20, true},
};

}  // namespace

TEST_CASE("every dtype gets its element type, its size and the least versions that have it") {
  for (const Row& row : kRows) {
    CAPTURE(to_string(row.dtype));
    const Manifest manifest = manifest_of({shaped("w", row.dtype, {5})});
    const Layout layout = lay_out(manifest);
    CHECK(layout.slots.at(0).length == row.bytes_of_five);
    const Model model = skeleton(manifest);
    CHECK(model.ir_version == row.ir_version);
    CHECK(model.opset == row.opset);
    CHECK(model.at("w").type == row.code);
    CHECK(model.at("w").raw.size() == row.bytes_of_five);
    CHECK(model.has_output("w") == row.output);
    const bool last16 = row.dtype == DType::longdouble;
    CHECK(model.at("w").dims == (last16 ? Shape{5, 16} : Shape{5}));
  }
}

TEST_CASE(
    "no dtype is forgotten: all but opaque ones and strings stand in the table of this test") {
  const Format format = make_onnx_format();
  for (const DTypeInfo& type : all_dtypes()) {
    CAPTURE(type.name);
    const bool in_table = std::any_of(kRows.begin(), kRows.end(),
                                      [&](const Row& row) { return row.dtype == type.dtype; });
    const bool held = format.writer->encoding(type.dtype).has_value();
    CHECK(held == (type.kind != DTypeKind::opaque));
    CHECK(in_table == (held && type.dtype != DType::string));
  }
}

TEST_CASE("a model has no nodes and no inputs, and each tensor is an initializer and an output") {
  const Model model = model_of(manifest_of({
      tensor_of("a/b:0", DType::float32, {2, 1}, "abcdefgh"),
      tensor_of("scalar", DType::int16, {}, "xy"),
      tensor_of("empty", DType::int32, {3, 0}, ""),
  }));
  CHECK(!model.has_other_fields);
  CHECK(model.producer == "tensorferry");
  CHECK(!model.graph_name.empty());
  CHECK(model.metadata.empty());
  REQUIRE(model.initializers.size() == 3);
  REQUIRE(model.outputs.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(model.outputs[i].name == model.initializers[i].name);
    CHECK(model.outputs[i].type == model.initializers[i].type);
    CHECK(model.outputs[i].dims == model.initializers[i].dims);
  }
  CHECK(model.at("a/b:0").raw == "abcdefgh");
  CHECK(model.at("scalar").dims.empty());
  CHECK(model.at("scalar").raw == "xy");
  CHECK(model.at("empty").dims == Shape{3, 0});
  CHECK(!model.at("empty").has_raw);
}

TEST_CASE("elements lie where the lengths in front of them say, at every size of a length") {
  std::vector<Tensor> tensors;
  for (const std::size_t size :
       {1u, 100u, 119u, 127u, 128u, 200u, 16369u, 16383u, 16384u, 2097151u, 2097152u}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + size);
    tensors.push_back(tensor_of("t" + std::to_string(size), DType::uint8, {size}, bytes));
  }
  const Manifest manifest = manifest_of(std::move(tensors));
  for (const char* external : {"never", "always"}) {
    auto files = write(manifest, {{"external", external}});
    const Model model = onnx_test::parse_model(files.at(""));
    for (const Tensor& tensor : manifest.tensors) {
      const auto& initializer = model.at(tensor.name);
      std::string bytes = initializer.raw;
      if (initializer.is_external) {
        bytes = files.at("m.onnx.data")
                    .substr(std::stoul(initializer.external.at(1).second),
                            std::stoul(initializer.external.at(2).second));
      }
      CHECK(bytes == text_of(tensor));
    }
  }
}

TEST_CASE("strings of any bytes stand in the model, even when elements are external") {
  const std::vector<std::string> values = {
      "", "plain", "nul\0nul"s, "\xff\xfe"s, std::string(5000, 'x'), "ż"};
  const Manifest manifest = manifest_of({
      strings_of("s", {2, 3}, values),
      tensor_of("w", DType::uint8, {2}, "ab"),
      strings_of("none", {0}, {}),
  });
  const Layout layout = lay_out(manifest);
  CHECK(slot_of(layout, 0).fill == Slot::Fill::literal);
  const Model model = model_of(manifest, {{"external", "always"}, {"external_threshold", "0"}});
  CHECK(model.at("s").type == 8);
  CHECK(model.at("s").dims == Shape{2, 3});
  CHECK(model.at("s").strings == values);
  CHECK(!model.at("s").has_raw);
  CHECK(model.at("none").strings.empty());
  CHECK(model.at("w").is_external);
  CHECK(model.has_output("s"));
}

TEST_CASE(
    "external entries are location, offset and length, aligned, and small tensors stay inside") {
  const Manifest manifest = manifest_of({
      shaped("small", DType::uint8, {1023}),
      shaped("first", DType::uint8, {1025}),
      shaped("second", DType::uint8, {1024}),
      shaped("large", DType::uint8, {kMiB}),
      shaped("empty", DType::uint8, {0}),
      shaped("last", DType::int4, {2048}),
  });
  const Layout layout = lay_out(manifest, {{"external", "always"}});
  REQUIRE(layout.files.size() == 2);
  CHECK(layout.files[0].name.empty());
  CHECK(layout.files[1].name == "m.onnx.data");
  CHECK(slot_of(layout, 0).file == 0);
  CHECK(slot_of(layout, 1).offset == 0);
  CHECK(slot_of(layout, 2).offset == 1088);
  CHECK(slot_of(layout, 3).offset == 4096);
  CHECK(slot_of(layout, 4).file == 0);
  CHECK(slot_of(layout, 5).offset == 4096 + kMiB);
  CHECK(slot_of(layout, 5).length == 1024);
  CHECK(layout.files[1].size == 4096 + kMiB + 1024);

  const Model model = skeleton(layout);
  using Entries = std::vector<std::pair<std::string, std::string>>;
  CHECK(model.at("second").external ==
        Entries{{"location", "m.onnx.data"}, {"offset", "1088"}, {"length", "1024"}});
  CHECK(model.at("second").is_external);
  CHECK(!model.at("second").has_raw);
  CHECK(model.at("small").external.empty());
  CHECK(model.at("empty").external.empty());
}

TEST_CASE("external_threshold moves the border, and without external tensors there is one file") {
  const Manifest manifest =
      manifest_of({shaped("a", DType::uint8, {10}), shaped("b", DType::uint8, {11})});
  const Layout border = lay_out(manifest, {{"external", "always"}, {"external_threshold", "11"}});
  CHECK(slot_of(border, 0).file == 0);
  CHECK(slot_of(border, 1).file == 1);
  CHECK(lay_out(manifest, {{"external", "always"}}).files.size() == 1);
  CHECK(lay_out(manifest, {{"external_threshold", "0"}}).files.size() == 1);
}

TEST_CASE("elements stay inside up to 1.8 GiB and go outside above it") {
  const std::uint64_t border = 1'932'735'283;
  CHECK(lay_out(manifest_of({shaped("w", DType::uint8, {border - 4096})})).files.size() == 1);
  const Manifest above =
      manifest_of({shaped("w", DType::uint8, {border}), shaped("b", DType::uint8, {4})});
  const Layout layout = lay_out(above);
  REQUIRE(layout.files.size() == 2);
  CHECK(slot_of(layout, 0).file == 1);
  CHECK(slot_of(layout, 1).file == 0);
  CHECK(lay_out(above, {{"external", "never"}}).files.size() == 1);
}

TEST_CASE("a model above protobuf's 2 GiB is refused to the byte, with the option that helps") {
  const auto model_bytes = [](std::uint64_t elements) {
    return lay_out(manifest_of({shaped("w", DType::uint8, {elements})}), {{"external", "never"}})
        .files.at(0)
        .size;
  };
  const std::uint64_t limit = (std::uint64_t{1} << 31) - 1;
  const std::uint64_t around = model_bytes(limit - 1000) - (limit - 1000);
  CHECK(model_bytes(limit - around) == limit);
  CHECK(thrown_by([&] { model_bytes(limit - around + 1); }) == "output.too_large");
  try {
    model_bytes(std::uint64_t{3} << 30);
    FAIL("not refused");
  } catch (const Error& error) {
    CHECK(error.message().find("external=auto") != std::string::npos);
  }
}

TEST_CASE(
    "tensors that are too many for the model even beside external data are refused, with the "
    "option that helps") {
  const Manifest manifest = manifest_of({
      shaped("a", DType::uint8, {std::uint64_t{3} << 30}),
      shaped("b", DType::uint8, {(std::uint64_t{3} << 30) + 1}),
  });
  try {
    lay_out(manifest, {{"external_threshold", "3221225473"}});
    FAIL("not refused");
  } catch (const Error& error) {
    CHECK(error.id() == "output.too_large");
    CHECK(error.message().find("external_threshold") != std::string::npos);
  }
}

TEST_CASE("a model always has an output: a placeholder, marked, when no tensor can be one") {
  CHECK(skeleton(manifest_of({shaped("w", DType::complex64, {2}), shaped("v", DType::int8, {2})}))
            .initializers.size() == 2);
  for (const Manifest& manifest :
       {manifest_of({}), manifest_of({shaped("w", DType::complex64, {2})})}) {
    const Model model = skeleton(manifest);
    REQUIRE(model.outputs.size() == 1);
    const std::string name = model.metadata.at("tensorferry.placeholder");
    CHECK(model.outputs[0].name == name);
    CHECK(model.at(name).dims == Shape{0});
    CHECK(!model.has_output("w"));
  }
  const Model taken =
      skeleton(manifest_of({shaped("tensorferry.placeholder", DType::complex64, {2})}));
  CHECK(taken.metadata.at("tensorferry.placeholder") == "tensorferry.placeholder_");
}

TEST_CASE("tensors that are no outputs are named in a note") {
  const Layout layout =
      lay_out(manifest_of({shaped("w", DType::complex64, {2}), shaped("v", DType::int8, {2})}));
  REQUIRE(layout.notes.size() == 1);
  CHECK(layout.notes[0].id == "onnx.not_an_output");
  CHECK(layout.notes[0].text.find("w") != std::string::npos);
}

TEST_CASE("names that ONNX can hold stay as they are") {
  std::vector<Tensor> tensors;
  for (const std::string& name :
       {"a/b:0"s, "sp ace"s, "100%"s, "nul\0"s, "new\nline"s, "żółć"s, "W"s, "w"s, "%FF"s}) {
    tensors.push_back(tensor_of(name, DType::uint8, {1}, "x"));
  }
  const Manifest manifest = manifest_of(std::move(tensors));
  const Model model = model_of(manifest);
  REQUIRE(model.initializers.size() == manifest.tensors.size());
  for (std::size_t i = 0; i < manifest.tensors.size(); ++i) {
    CHECK(model.initializers[i].name == manifest.tensors[i].name);
  }
  CHECK(model.metadata.empty());
}

TEST_CASE("other names are escaped and written down") {
  const Manifest manifest = manifest_of({
      tensor_of("", DType::uint8, {1}, "0"), tensor_of("\xff/%k"s, DType::uint8, {1}, "1"),
      tensor_of("\xed\xa0\x80"s, DType::uint8, {1}, "2"),  // a surrogate
  });
  const Model model = model_of(manifest);
  CHECK(model.at("%").raw == "0");
  CHECK(model.at("%FF/%25k").raw == "1");
  CHECK(model.at("%ED%A0%80").raw == "2");
  CHECK(model.has_output("%FF/%25k"));
  const json tags = json::parse(model.metadata.at("tensorferry.tensors"));
  CHECK(tags.size() == 3);
  CHECK(tags.at("%").at("name_base64") == "");
  CHECK(tags.at("%FF/%25k").at("name_base64") == "/y8law==");
  CHECK(lay_out(manifest).notes.at(0).id == "onnx.escaped_names");
}

TEST_CASE("an escaped name that meets another tensor's is refused") {
  const Manifest manifest =
      manifest_of({shaped("", DType::uint8, {1}), shaped("%", DType::uint8, {1})});
  CHECK(thrown_by([&] { lay_out(manifest); }) == "unsupported.name_collision");
}

TEST_CASE("the logical dtype of a carried tensor is in tensorferry.tensors") {
  const Model model = skeleton(manifest_of({
      shaped("q", DType::quint16, {2, 3}),
      shaped("l", DType::longdouble, {}),
      shaped("f", DType::float8_e4m3b11fnuz, {4}),
      shaped("plain", DType::float32, {4}),
  }));
  const json tags = json::parse(model.metadata.at("tensorferry.tensors"));
  CHECK(tags.size() == 3);
  CHECK(tags.at("q") == json({{"dtype", "quint16"}, {"carrier", "bits"}, {"shape", {2, 3}}}));
  CHECK(tags.at("l") ==
        json({{"dtype", "longdouble"}, {"carrier", "last16"}, {"shape", json::array()}}));
  CHECK(tags.at("f") ==
        json({{"dtype", "float8_e4m3b11fnuz"}, {"carrier", "codes"}, {"shape", {4}}}));
}

TEST_CASE("attributes come along with their types") {
  Manifest manifest = manifest_of({tensor_of("w", DType::uint8, {1}, "x")});
  manifest.attributes = {{"author", "żółć"s},
                         {"steps", std::int64_t{7}},
                         {"rate", 0.5},
                         {"whole", 2.0},
                         {"frozen", true},
                         {"graph", "\xff\x00"s},
                         {"tensorferry.tensors", "not ours"s}};
  manifest.tensors[0].attributes = {
      {"layer", "dense"s}, {"blob", "\xfe"s}, {"n", std::int64_t{-3}}};
  const Model model = model_of(manifest);
  CHECK(model.metadata.size() == 4);
  CHECK(model.metadata.at("author") == "żółć");
  CHECK(model.metadata.at("tensorferry.attributes") ==
        R"({"frozen":true,"rate":0.5,"steps":7,"tensorferry.tensors":"not ours","whole":2.0})");
  CHECK(model.metadata.at("tensorferry.attributes_base64") == R"({"graph":"/wA="})");
  const json entry = json::parse(model.metadata.at("tensorferry.tensors")).at("w");
  CHECK(entry == json({{"attributes", {{"layer", "dense"}, {"n", -3}}},
                       {"attributes_base64", {{"blob", "/g=="}}}}));
}

TEST_CASE("attributes that JSON cannot hold are refused") {
  Manifest manifest;
  manifest.attributes = {{"rate", std::numeric_limits<double>::quiet_NaN()}};
  CHECK(thrown_by([&] { lay_out(manifest); }) == "unsupported.attribute");
  manifest.attributes = {{"\xff"s, true}};
  CHECK(thrown_by([&] { lay_out(manifest); }) == "unsupported.attribute");
}

TEST_CASE("all tensors that ONNX cannot hold are refused at once") {
  const Manifest manifest =
      manifest_of({shaped("handle", DType::resource, {}), shaped("list", DType::variant, {})});
  try {
    lay_out(manifest);
    FAIL("not refused");
  } catch (const Error& error) {
    CHECK(error.id() == "unsupported.dtype");
    CHECK(error.message().find("handle") != std::string::npos);
    CHECK(error.message().find("list") != std::string::npos);
  }
}

TEST_CASE(
    "a location that onnx refuses to follow is refused, but only when there is external data") {
  const Manifest manifest = manifest_of({shaped("w", DType::uint8, {4096})});
  for (const std::string& leaf : {"a..b.onnx"s, "m."s, "a\\b.onnx"s, "\xff.onnx"s}) {
    CAPTURE(leaf);
    CHECK(thrown_by([&] {
            lay_out(manifest, {{"external", "always"}}, leaf);
          }) == "usage.external_name");
    CHECK(lay_out(manifest, {}, leaf).files.size() == 1);
  }
}

TEST_CASE("a folder and unknown options are refused") {
  const Format format = make_onnx_format();
  const auto folder = [&] {
    format.writer->lay_out({}, {"m", true}, Options(format.write_options, {}));
  };
  CHECK(thrown_by(folder) == "usage.directory_output");
  CHECK(thrown_by([] { lay_out({}, {{"externl", "auto"}}); }) == "usage.unknown_option");
  CHECK(thrown_by([] { lay_out({}, {{"external", "maybe"}}); }) == "usage.bad_option");
}

TEST_CASE("the layout of many tensors is the same twice, and external ones take no segment each") {
  Manifest manifest;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    manifest.tensors.push_back(shaped("layer_" + std::to_string(i), DType::float32, {i % 7, 300}));
  }
  const Layout layout = lay_out(manifest), again = lay_out(manifest);
  CHECK(layout.slots.size() == manifest.tensors.size());
  REQUIRE(layout.segments.size() == again.segments.size());
  for (std::size_t i = 0; i < layout.segments.size(); ++i) {
    REQUIRE(layout.segments[i].bytes == again.segments[i].bytes);
  }
  CHECK(lay_out(manifest, {{"external", "always"}}).segments.size() <= 2);
}
