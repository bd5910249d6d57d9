#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "test_onnx_layout.h"

using namespace onnx_test;
using namespace std::string_literals;
using nlohmann::json;

namespace {

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
