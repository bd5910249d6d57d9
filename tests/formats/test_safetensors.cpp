#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "error_id.h"
#include "safetensors/safetensors_wire.h"

using namespace tensorferry;
using namespace tensorferry::safetensors;

namespace {

constexpr std::uint64_t kMost = ~std::uint64_t{0};

struct Header {
  std::vector<HeaderEntry> tensors;
  TextEntries metadata;
};

Header parse(const std::string& text) {
  Header header;
  header.metadata = parse_header(
      text, 64, [&](HeaderEntry&& entry) { header.tensors.push_back(std::move(entry)); });
  return header;
}

// A header of one tensor with these fields.
std::string refusal_of(const std::string& fields) {
  return error_id([&] { parse("{\"w\":{" + fields + "}}"); });
}

const std::string kGood = R"("dtype":"U8","shape":[4],"data_offsets":[0,4])";

/// The tensors are called a, b, ...
std::uint64_t tiling(const std::vector<Extent>& extents) {
  constexpr std::string_view kNames = "abcdefgh";
  return check_tiling(extents, [&](std::size_t i) { return kNames.substr(i, 1); });
}

}  // namespace

TEST_CASE("extents tile what they cover, in any order") {
  CHECK(tiling({}) == 0);
  CHECK(tiling({{0, 4}}) == 4);
  CHECK(tiling({{0, 4}, {4, 4}, {4, 9}}) == 9);
  CHECK(tiling({{4, 9}, {0, 4}, {4, 4}}) == 9);
  CHECK(tiling({{0, 0}, {0, 0}}) == 0);
  CHECK(tiling({{0, kMost}}) == kMost);
}

TEST_CASE("holes and overlaps are refused") {
  const auto refusal = [](const std::vector<Extent>& extents) {
    return error_id([&] { tiling(extents); });
  };
  CHECK(refusal({{1, 4}}) == "corrupt.layout");
  CHECK(refusal({{0, 4}, {5, 6}}) == "corrupt.layout");
  CHECK(refusal({{0, 4}, {3, 6}}) == "corrupt.layout");
  CHECK(refusal({{0, 4}, {0, 4}}) == "corrupt.layout");
  CHECK(refusal({{5, 6}, {0, 4}}) == "corrupt.layout");
  CHECK(refusal({{0, 4}, {2, 2}}) == "corrupt.layout");
  CHECK(refusal({{0, 4}, {5, 5}}) == "corrupt.layout");
}

TEST_CASE("a hole or an overlap names the tensors on both sides") {
  const auto error = error_of([] { tiling({{5, 6}, {0, 4}}); });
  REQUIRE(error);
  CHECK(error->tensor() == "a");
  CHECK(error->message().find("\"b\"") != std::string::npos);
}

TEST_CASE("a header gives its tensors in the order of the text") {
  const Header header = parse(
      " {\"b\":{\"shape\":[2,3],\"more\":[{\"x\":[1.5,null]},\"y\"],\"dtype\":\"F32\","
      "\"data_offsets\":[8,32]},\"__metadata__\":{\"k\":\"v\",\"\":\"e\"},"
      "\"a\\u0000\":{\"dtype\":\"new\",\"shape\":[],\"data_offsets\":[0,8]}}\n");
  REQUIRE(header.tensors.size() == 2);
  CHECK(header.tensors[0].name == "b");
  CHECK(header.tensors[0].dtype == "F32");
  CHECK(header.tensors[0].shape == Shape{2, 3});
  CHECK(header.tensors[0].begin == 8);
  CHECK(header.tensors[0].end == 32);
  CHECK(header.tensors[1].name == std::string("a\0", 2));
  CHECK(header.tensors[1].dtype == "new");
  CHECK(header.tensors[1].shape.empty());
  CHECK(header.tensors[1].begin == 0);
  CHECK(header.tensors[1].end == 8);
  CHECK(header.metadata == TextEntries{{"k", "v"}, {"", "e"}});
}

TEST_CASE("headers without tensors or metadata") {
  CHECK(parse("{}").tensors.empty());
  CHECK(parse(R"({"__metadata__":null})").metadata.empty());
  CHECK(parse(R"({"__metadata__":{}})").tensors.empty());
}

TEST_CASE("what is no JSON is corrupt") {
  for (const char* text :
       {"", "{", "{}{}", "{\"a\":}", "{,}", "\xef\xbb\xbf{}", "hello", "{'a':1}"}) {
    CAPTURE(text);
    CHECK(error_id([&] { parse(text); }) == "corrupt.json");
  }
  CHECK(error_id([] { parse(std::string("{}\0", 3)); }) == "corrupt.json");
  CHECK(refusal_of(kGood + ",\"x\":" + std::string(65, '[') + std::string(65, ']')) ==
        "corrupt.json");
  CHECK(refusal_of(kGood + ",\"x\":" + std::string(100'000, '[')) == "corrupt.json");
}

TEST_CASE("JSON that is no header is corrupt") {
  for (const char* text :
       {"[]", "null", "1", "-1", "\"x\"", "true", R"({"w":1})", R"({"w":"U8"})", R"({"w":null})",
        R"({"w":[]})", R"({"w":{}})", R"({"__metadata__":1})", R"({"__metadata__":[]})",
        R"({"__metadata__":{"a":1}})", R"({"__metadata__":{"a":null}})",
        R"({"__metadata__":{"a":{}}})", R"({"__metadata__":{"a":"1","a":"2"}})",
        R"({"__metadata__":{},"__metadata__":{}})"}) {
    CAPTURE(text);
    CHECK(error_id([&] { parse(text); }) == "corrupt.header");
  }
}

TEST_CASE("fields of a tensor") {
  const auto fields = [](const std::string& dtype, const std::string& shape,
                         const std::string& offsets) {
    return refusal_of("\"dtype\":" + dtype + ",\"shape\":" + shape +
                      ",\"data_offsets\":" + offsets);
  };
  CHECK(refusal_of(kGood) == "no error");
  CHECK(fields("\"U8\"", "[18446744073709551615]", "[0,18446744073709551615]") == "no error");
  for (const char* dtype : {"1", "null", "[]", "{}", "true"}) {
    CAPTURE(dtype);
    CHECK(fields(dtype, "[4]", "[0,4]") == "corrupt.header");
  }
  for (const char* shape : {"4", "null", "{}", "\"4\"", "[-4]", "[4.0]", "[4e0]", "[\"4\"]",
                            "[[4]]", "[null]", "[18446744073709551616]"}) {
    CAPTURE(shape);
    CHECK(fields("\"U8\"", shape, "[0,4]") == "corrupt.header");
  }
  for (const char* offsets : {"4", "null", "[]", "[0]", "[0,4,4]", "[4,0]", "[0,-4]", "[0.0,4]",
                              "[0,18446744073709551616]", "[[0,4]]", "[\"0\",4]"}) {
    CAPTURE(offsets);
    CHECK(fields("\"U8\"", "[4]", offsets) == "corrupt.header");
  }
  CHECK(fields("\"U8\"", "[04]", "[0,4]") == "corrupt.json");
  CHECK(refusal_of(kGood + R"(,"dtype":"U8")") == "corrupt.header");
  CHECK(refusal_of(kGood + R"(,"shape":[4])") == "corrupt.header");
  CHECK(refusal_of(kGood + R"(,"data_offsets":[0,4])") == "corrupt.header");
  CHECK(refusal_of(R"("shape":[4],"data_offsets":[0,4])") == "corrupt.header");
  CHECK(refusal_of(R"("dtype":"U8","data_offsets":[0,4])") == "corrupt.header");
  CHECK(refusal_of(R"("dtype":"U8","shape":[4])") == "corrupt.header");
}

TEST_CASE("a header is written as the library writes it") {
  CHECK(HeaderText({}, 0).finish(8) == std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
  const std::vector<HeaderEntry> tensors = {{"w\"\n", "F32", {2, 3}, 0, 24},
                                            {"", "U8", {}, 24, 25}};
  const std::string text =
      R"({"__metadata__":{"a":"1","format":"pt"},"w\"\n":{"dtype":"F32","shape":[2,3],)"
      R"("data_offsets":[0,24]},"":{"dtype":"U8","shape":[],"data_offsets":[24,25]}})";
  for (const std::uint64_t alignment : {8u, 64u, 4096u}) {
    CAPTURE(alignment);
    HeaderText written({{"format", "pt"}, {"a", "1"}}, 0);
    for (const HeaderEntry& tensor : tensors)
      written.add(tensor.name, tensor.dtype, tensor.shape, {tensor.begin, tensor.end});
    const std::string header = std::move(written).finish(alignment);
    CHECK(header.size() % alignment == 0);
    CHECK(header.size() < 8 + text.size() + alignment);
    CHECK(header.substr(8, text.size()) == text);
    CHECK(header.find_first_not_of(' ', 8 + text.size()) == std::string::npos);
    const std::uint64_t length = header.size() - 8;
    CHECK(static_cast<unsigned char>(header[0]) == (length & 0xff));
    CHECK(static_cast<unsigned char>(header[1]) == length >> 8);
    CHECK(header.substr(2, 6) == std::string(6, '\0'));
    const Header back = parse(header.substr(8));
    REQUIRE(back.tensors.size() == 2);
    CHECK(back.tensors[0].name == tensors[0].name);
    CHECK(back.tensors[1].end == 25);
  }
}

TEST_CASE("an index is read and written") {
  const WeightMap weights = {{"a\"b", "x-00001-of-00002.safetensors"}, {"", "y"}};
  CHECK(parse_index(format_index(weights, 42), 64) == weights);
  CHECK(format_index({{"w", "f"}}, 4) ==
        "{\n  \"metadata\": {\n    \"total_size\": 4\n  },\n  \"weight_map\": {\n    \"w\": \"f\"\n"
        "  }\n}\n");
  CHECK(parse_index(R"({"x":[{"weight_map":1}],"weight_map":{},"metadata":{"a":[1.5]}})", 64)
            .empty());
  for (const char* text : {"{}", "[]", "null", "1", R"({"weight_map":[]})", R"({"weight_map":1})",
                           R"({"weight_map":null})", R"({"weight_map":{"a":1}})",
                           R"({"weight_map":{"a":null}})", R"({"weight_map":{"a":{}}})",
                           R"({"weight_map":{"a":["b"]}})", R"({"weight_map":{"a":"b","a":"b"}})",
                           R"({"weight_map":{},"weight_map":{}})", R"({"x":{"weight_map":{}}})"}) {
    CAPTURE(text);
    CHECK(error_id([&] { parse_index(text, 64); }) == "corrupt.index");
  }
}

TEST_CASE("every element type has one name and one rank") {
  for (const char* name :
       {"BOOL",        "F4",          "U8",  "I8",  "F8_E5M2", "F8_E4M3", "F8_E8M0",
        "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16", "U16", "F16",     "BF16",    "I32",
        "U32",         "F32",         "C64", "F64", "I64",     "U64"}) {
    CAPTURE(name);
    const auto type = element_type(std::string_view(name));
    REQUIRE(type);
    CHECK(element_type(type->dtype)->name == name);
  }
  CHECK(element_type(std::string_view("F6_E2M3"))->dtype == DType::unknown);
  CHECK_FALSE(element_type(std::string_view("f32")));
  CHECK_FALSE(element_type(std::string_view("")));
  CHECK_FALSE(element_type(DType::complex128));
  CHECK_FALSE(element_type(DType::unknown));
}
