// Names, dtypes and attributes that the model says in its metadata.
#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "test_onnx_layout.h"

using namespace onnx_test;
using namespace std::string_literals;
using nlohmann::json;

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
