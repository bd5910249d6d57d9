#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "util/manifest_json.h"

using namespace tensorferry;

namespace {

std::string document(const std::string& entries) {
  return "{\"tensorferry\": 1, \"tensors\": [" + entries + "]}";
}

// An entry that is right but for `field` (instead of the one of its key) and what is in `without`.
std::string entry(const std::string& field = "", const std::string& without = "") {
  const std::string key = field.substr(0, field.find(':'));
  std::string text;
  for (const char* good :
       {"\"name\":\"w\"", "\"dtype\":\"float32\"", "\"shape\":[2,3]", "\"file\":\"w.bin\""}) {
    const std::string own = std::string(good).substr(0, std::string(good).find(':'));
    if (own == key || own == "\"" + without + "\"") continue;
    text += (text.empty() ? "" : ",") + std::string(good);
  }
  return "{" + text + (field.empty() ? "" : "," + field) + "}";
}

// "corrupt.manifest: message" of the error, or "read".
std::string outcome(const std::string& text) {
  try {
    parse_manifest(text, {});
    return "read";
  } catch (const Error& error) {
    return error.id() + ": " + error.what();
  }
}

ManifestEntry only(const std::string& field) {
  return parse_manifest(document(entry(field)), {}).tensors.at(0);
}

}  // namespace

TEST_CASE("a manifest with only what is required has the documented defaults") {
  const ManifestEntry read = only("");
  CHECK(read.name == "w");
  CHECK(read.dtype == DType::float32);
  CHECK(read.shape == Shape{2, 3});
  CHECK(read.file == "w.bin");
  CHECK(read.offset == 0);
  CHECK_FALSE(read.length.has_value());
  CHECK_FALSE(read.big_endian);
  CHECK_FALSE(read.column_major);
  CHECK(read.sha256.empty());
  CHECK(read.crc32c.empty());
}

TEST_CASE("every field of an entry is read") {
  const ManifestEntry read = only(
      "\"offset\":64,\"length\":24,\"byte_order\":\"big\",\"order\":\"column-major\","
      "\"attributes\":{\"k\":false},\"sha256\":\"" +
      std::string(64, 'a') + "\"");
  CHECK(read.offset == 64);
  CHECK(read.length == 24);
  CHECK(read.big_endian);
  CHECK(read.column_major);
  CHECK(read.sha256 == std::string(64, 'a'));
  CHECK(read.attributes == Attributes{{"k", false}});
}

TEST_CASE("what a ManifestText writes, parse_manifest reads back") {
  Manifest manifest;
  manifest.attributes = {{"text", std::string("a\"\n\x1b")},
                         {"graph", std::string("\xff\x00z", 3)},
                         {"whole", std::int64_t{-7}},
                         {"one", 1.0},
                         {"tenth", 0.1},
                         {"yes", true},
                         {"low", std::numeric_limits<std::int64_t>::min()}};
  Tensor odd, scalar;
  odd.name = std::string("\xff\xfe\0/x", 5);
  odd.dtype = DType::complex128;
  odd.shape = {0, 18446744073709551615u};
  odd.attributes = {{"k", false}};
  scalar.name = "gr\xc3\xbc\xc3\x9f";
  scalar.dtype = DType::int4;
  const auto write = [&] {
    ManifestText text(manifest);
    Layout layout;
    layout.slots = {Slot{.offset = 64}, Slot{.tensor = 1, .offset = 7, .length = 1}};
    text.add(odd, "a b.bin", layout.slots[0], "0123abcd");
    text.add(scalar, "w\".bin", layout.slots[1]);
    std::move(text).add_to(layout);
    return layout.segments.at(0).bytes;
  };

  const std::string text = write();
  CHECK(text == write());
  const ManifestDocument read = parse_manifest(text, {});
  CHECK(read.attributes == manifest.attributes);
  REQUIRE(read.tensors.size() == 2);
  const ManifestEntry& first = read.tensors[0];
  CHECK(first.name == odd.name);
  CHECK(first.dtype == odd.dtype);
  CHECK(first.shape == odd.shape);
  CHECK(first.file == "a b.bin");
  CHECK(first.offset == 64);
  CHECK(first.length == 0);
  CHECK_FALSE(first.big_endian);
  CHECK_FALSE(first.column_major);
  CHECK(first.sha256.empty());
  CHECK(first.crc32c == "0123abcd");
  CHECK(first.attributes == odd.attributes);
  CHECK(read.tensors[1].name == scalar.name);
  CHECK(read.tensors[1].shape.empty());
  CHECK(read.tensors[1].file == "w\".bin");
  CHECK(read.tensors[1].length == 1);
}

TEST_CASE("numpy descrs bring their byte order, which must not contradict byte_order") {
  CHECK(only("\"dtype\":\">f8\"").big_endian);
  CHECK_FALSE(only("\"dtype\":\"<f8\"").big_endian);
  CHECK(only("\"dtype\":\"|u1\"").dtype == DType::uint8);
  CHECK(only("\"dtype\":\">f8\",\"byte_order\":\"big\"").big_endian);
  CHECK(only("\"byte_order\":\"big\"").big_endian);
  CHECK(outcome(document(entry("\"dtype\":\"<f8\",\"byte_order\":\"big\"")))
            .starts_with("corrupt.manifest"));
}

TEST_CASE(
    "every manifest that breaks a rule is refused with the right class and a message that tells "
    "why") {
  const struct {
    std::string text, id, says;
  } rows[] = {
      {"", "corrupt.json", ""},
      {"[]", "corrupt.manifest", "JSON object"},
      {"\"x\"", "corrupt.manifest", "JSON object"},
      {"{}", "corrupt.manifest", "tensorferry"},
      {"\xEF\xBB\xBF" + document(""), "corrupt.json", ""},
      {document("") + "x", "corrupt.json", ""},
      {"{\"tensorferry\": 1}", "corrupt.manifest", "tensors"},
      {"{\"tensorferry\": 1, \"tensors\": {}}", "corrupt.manifest", "tensors"},
      {"{\"tensorferry\": \"1\", \"tensors\": []}", "corrupt.manifest", "number 1"},
      {"{\"tensorferry\": 1.0, \"tensors\": []}", "corrupt.manifest", "number 1"},
      {"{\"tensorferry\": 2, \"tensors\": []}", "unsupported.manifest_version", "version 2"},
      {"{\"tensorferry\": 1, \"tensor\": []}", "corrupt.manifest", "did you mean \"tensors\"?"},
      {"{\"tensorferry\": 1, \"tensors\": [], \"attributes\": []}", "corrupt.manifest", "object"},
      {"{\"tensorferry\": 1, \"tensors\": [], \"attributes\": {\"a\": null}}", "corrupt.manifest",
       "\"a\""},
      {"{\"tensorferry\": 1, \"tensors\": [], \"attributes\": {\"a\": [1]}}", "corrupt.manifest",
       "\"a\""},
      {"{\"tensorferry\": 1, \"tensors\": [], \"attributes\": {\"a\": 9223372036854775808}}",
       "corrupt.manifest", "2^63"},
      {"{\"tensorferry\": 1, \"tensors\": [], \"attributes\": {\"a\": 1}, \"attributes_base64\": "
       "{\"a\": \"YQ==\"}}",
       "corrupt.manifest", "attributes_base64"},
      {document("7"), "corrupt.manifest", "entry 0"},
      {document(entry() + ",[]"), "corrupt.manifest", "entry 1"},
      {document(entry("", "name")), "corrupt.manifest", "\"name\" is missing"},
      {document(entry("", "dtype")), "corrupt.manifest", "refusing to guess"},
      {document(entry("", "shape")), "corrupt.manifest", "refusing to guess"},
      {document(entry("", "file")), "corrupt.manifest", "\"file\" is missing"},
      {document(entry("\"name\":7")), "corrupt.manifest", "string"},
      {document(entry("\"name_base64\":\"dw==\"")), "corrupt.manifest", "both"},
      {document(entry("\"name_base64\":\"d\"", "name")), "corrupt.manifest", "name_base64"},
      {document(entry("\"name\":\"\\ud800\"")), "corrupt.json", ""},
      {document(entry("\"name\":\"\xc0\xaf\"")), "corrupt.json", ""},
      {document(entry("\"name\":\"a\",\"name\":\"b\"")), "corrupt.json", "name"},
      {document(entry("\"dtype\":7")), "corrupt.manifest", "string"},
      {document(entry("\"dtype\":\"float\"")), "unsupported.ambiguous_dtype", "float32"},
      {document(entry("\"dtype\":\"half\"")), "unsupported.ambiguous_dtype", "float16"},
      {document(entry("\"dtype\":\"flaot32\"")), "unsupported.dtype", "float32"},
      {document(entry("\"dtype\":\"resource\"")), "unsupported.dtype", "resource"},
      {document(entry("\"dtype\":\"?\"")), "unsupported.dtype", ""},
      {document(entry("\"shape\":6")), "corrupt.manifest", "array"},
      {document(entry("\"shape\":[2,-3]")), "corrupt.manifest", "-3"},
      {document(entry("\"shape\":[2,3.0]")), "corrupt.manifest", "3.0"},
      {document(entry("\"shape\":[1e3]")), "corrupt.manifest", "1000"},
      {document(entry("\"shape\":[-0]")), "corrupt.manifest", "whole number"},
      {document(entry("\"shape\":[01]")), "corrupt.json", ""},
      {document(entry("\"shape\":[\"3\"]")), "corrupt.manifest", "whole number"},
      {document(entry("\"shape\":[null]")), "corrupt.manifest", "null"},
      {document(entry("\"shape\":[[2]]")), "corrupt.manifest", "array"},
      {document(entry("\"shape\":[18446744073709551616]")), "corrupt.manifest", "below 2^64"},
      {document(entry("\"shape\":[NaN]")), "corrupt.json", ""},
      {document(entry("\"offset\":-1")), "corrupt.manifest", "offset"},
      {document(entry("\"offset\":1.5")), "corrupt.manifest", "offset"},
      {document(entry("\"length\":null")), "corrupt.manifest", "length"},
      {document(entry("\"length\":\"24\"")), "corrupt.manifest", "length"},
      {document(entry("\"byte_order\":\"middle\"")), "corrupt.manifest", "middle"},
      {document(entry("\"byte_order\":true")), "corrupt.manifest", "byte_order"},
      {document(entry("\"order\":\"C\"")), "corrupt.manifest", "column-major"},
      {document(entry("\"file\":\"\"")), "unsafe.path", "plain name"},
      {document(entry("\"file\":\".\"")), "unsafe.path", "plain name"},
      {document(entry("\"file\":\"..\"")), "unsafe.path", "plain name"},
      {document(entry("\"file\":\"../w.bin\"")), "unsafe.path", "../w.bin"},
      {document(entry("\"file\":\"/etc/passwd\"")), "unsafe.path", "/etc/passwd"},
      {document(entry("\"file\":\"a/b\"")), "unsafe.path", "a/b"},
      {document(entry("\"file\":\"C:\\\\x\"")), "unsafe.path", "plain name"},
      {document(entry("\"file\":\"a\\u0000b\"")), "unsafe.path", "plain name"},
      {document(entry("\"sha256\":\"abc\"")), "corrupt.manifest", "64"},
      {document(entry("\"sha256\":\"" + std::string(64, 'g') + "\"")), "corrupt.manifest", "64"},
      {document(entry("\"crc32c\":\"0x123456\"")), "corrupt.manifest", "8"},
      {document(entry("\"crc32c\":12345678")), "corrupt.manifest", "crc32c"},
      {document(entry("\"offest\":4")), "corrupt.manifest", "did you mean \"offset\"?"},
      {document(entry("\"banana\":4")), "corrupt.manifest", "banana"},
      {document(entry("\"attributes\":{\"a\":{}}")), "corrupt.manifest", "\"a\""},
      {document(entry("\"dtype\":\"string\"")), "corrupt.manifest", "length"},
      {document(entry("\"dtype\":\"string\",\"length\":8,\"byte_order\":\"big\"")),
       "corrupt.manifest", "strings"},
      {document(entry("\"dtype\":\"string\",\"length\":8,\"order\":\"column-major\"")),
       "corrupt.manifest", "strings"},
      {document(entry("\"attributes\":" + std::string(100000, '['))), "corrupt.json", ""},
  };
  for (const auto& row : rows) {
    const std::string got = outcome(row.text);
    CAPTURE(row.text.substr(0, 300));
    CAPTURE(got);
    CHECK(got.starts_with(row.id + ":"));
    CHECK(got.find(row.says) != std::string::npos);
  }
}

TEST_CASE("an error inside an entry names it by number and name") {
  const std::string got =
      outcome(document(entry() + "," + entry("\"name\":\"b\\u001b\",\"offset\":-1")));
  CAPTURE(got);
  CHECK(got.find("entry 1") != std::string::npos);
  CHECK(got.find("tensor \"b\\x1b\"") != std::string::npos);
}

TEST_CASE("more tensors than the limit are refused as unsafe") {
  Limits limits;
  limits.tensors = 1;
  CHECK_NOTHROW(parse_manifest(document(entry()), limits));
  CHECK_THROWS_WITH_AS(parse_manifest(document(entry() + "," + entry()), limits),
                       doctest::Contains("unsafe.limit"), Error);
}

TEST_CASE("upper-case checksums are read as lower-case ones") {
  CHECK(only("\"crc32c\":\"ABCDEF01\"").crc32c == "abcdef01");
}

TEST_CASE("an attribute that JSON cannot say is refused, not changed") {
  Manifest made;
  made.attributes = {{"nan", std::numeric_limits<double>::quiet_NaN()}};
  CHECK_THROWS_WITH_AS(ManifestText{made}, doctest::Contains("unsupported.attribute"), Error);
}

TEST_CASE("a manifest is recognised by a key at the top, in whatever place") {
  CHECK(looks_like_manifest("{\"tensorferry\": 1, \"tensors\": []}"));
  CHECK(looks_like_manifest(" \n{ \"tensors\" : [{\"a\\\"b\": \"{\"}],\n\"tensorferry\" : 1}"));
  CHECK(looks_like_manifest("{\"tensorferry\":1,\"tensors\":[{\"name\":\"cut of"));
  CHECK_FALSE(looks_like_manifest(""));
  CHECK_FALSE(looks_like_manifest("[\"tensorferry\"]"));
  CHECK_FALSE(looks_like_manifest("{\"a\": {\"tensorferry\": 1}}"));
  CHECK_FALSE(looks_like_manifest("{\"a\": \"tensorferry\"}"));
  CHECK_FALSE(looks_like_manifest("{} {\"tensorferry\": 1}"));
  CHECK_FALSE(looks_like_manifest("{\"tensorferry"));
  CHECK_FALSE(looks_like_manifest("{\"a\\"));
  CHECK_FALSE(looks_like_manifest("x{\"tensorferry\": 1}"));
}

TEST_CASE("the checksums of a manifest are put into it when they are known") {
  Layout layout;
  layout.directory = true;
  layout.files = {{"w.bin", 8}};
  layout.slots = {Slot{.tensor = 0, .length = 4}, Slot{.tensor = 1, .offset = 4, .length = 4}};
  Tensor a, b;
  a.name = "a";
  b.name = "b";
  a.dtype = b.dtype = DType::float32;
  ManifestText made(Manifest{});
  made.add(a, "w.bin", layout.slots[0]);
  made.add(b, "w.bin", layout.slots[1], "deadbeef");
  std::move(made).add_to(layout);

  REQUIRE(layout.files.size() == 2);
  CHECK(layout.files[1].name == "manifest.json");
  REQUIRE(layout.segments.size() == 1);
  CHECK(layout.segments[0].file == 1);
  CHECK(layout.segments[0].late);
  const std::string& text = layout.segments[0].bytes;
  CHECK(text.size() == layout.files[1].size);
  CHECK(parse_manifest(text, {}).tensors[0].crc32c == "00000000");
  const std::uint32_t crcs[] = {0x01234567, 0};
  layout.finish(crcs, layout.segments);
  CHECK(text.size() == layout.files[1].size);
  const ManifestDocument read = parse_manifest(text, {});
  CHECK(read.tensors[0].crc32c == "01234567");
  CHECK(read.tensors[1].crc32c == "deadbeef");
}
