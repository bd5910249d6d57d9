#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "formats/layout_in_memory.h"
#include "raw/raw.h"
#include "raw/raw_wire.h"
#include "util/manifest_json.h"

using namespace tensorferry;

namespace {

using Files = std::map<std::string, std::string>;
using Given = std::map<std::string, std::string>;

Manifest read_raw(const Input& input, const Given& given = {}) {
  const Format format = make_raw_format();
  Manifest manifest = format.reader->read(input, Options(format.read_options, given), {});
  check(manifest);
  return manifest;
}

Manifest read_file(const std::string& bytes, const Given& given) {
  return read_raw(Input::memory("dump.bin", {{"dump.bin", bytes}}), given);
}

// A folder with one entry: `fields` behind name, dtype, shape and file.
Manifest read_entry(const std::string& dtype, const std::string& shape, const std::string& bytes,
                    const std::string& fields = "") {
  return read_raw(Input::memory(
      "", {{"manifest.json", "{\"tensorferry\": 1, \"tensors\": [{\"name\": \"w\", \"dtype\": \"" +
                                 dtype + "\", \"shape\": " + shape + ", \"file\": \"w.bin\"" +
                                 fields + "}]}"},
           {"w.bin", bytes}}));
}

std::string problem_of(const Manifest& manifest) {
  REQUIRE(manifest.tensors.size() == 1);
  return manifest.tensors[0].problem ? manifest.tensors[0].problem->id() : "";
}

Files write_raw(const Manifest& manifest) {
  const Layout layout = make_raw_format().writer->lay_out(manifest, {"out", false}, {});
  CHECK(layout.directory);
  return carry_out(layout, manifest);
}

Match probe_of(const std::string& path, const Files& files) {
  const Input input = Input::memory(path, files);
  const std::string text = input.kind() == Input::Kind::file ? files.at(path) : "";
  const std::string extension =
      path.find('.') == std::string::npos ? "" : path.substr(path.find('.'));
  return make_raw_format().probe({input, text, text, text.size(), extension});
}

const std::string kSix("\1\2\3\4\5\6", 6);

}  // namespace

TEST_CASE("elements are brought to row-major and little-endian") {
  CHECK(text_of(read_entry("uint8", "[2,3]", kSix).tensors[0]) == kSix);
  CHECK(text_of(read_entry("uint8", "[2,3]", kSix, ", \"order\": \"column-major\"").tensors[0]) ==
        "\1\3\5\2\4\6");
  CHECK(text_of(read_entry("int16", "[3]", kSix, ", \"byte_order\": \"big\"").tensors[0]) ==
        "\2\1\4\3\6\5");
  CHECK(text_of(read_entry(">i2", "[3]", kSix).tensors[0]) == "\2\1\4\3\6\5");
  CHECK(text_of(read_entry(">i2", "[1,3]", kSix, ", \"order\": \"column-major\"").tensors[0]) ==
        "\2\1\4\3\6\5");
  CHECK(text_of(read_entry("uint8", "[2]", kSix, ", \"offset\": 3, \"length\": 2").tensors[0]) ==
        "\4\5");
  CHECK(text_of(read_entry("uint8", "[]", "\7").tensors[0]) == "\7");
  CHECK(text_of(read_entry("float64", "[3,0]", "").tensors[0]).empty());
}

TEST_CASE(
    "upper bits of types below a byte are ignored, so that sign-extended files read the same") {
  CHECK(text_of(read_entry("int4", "[2]", "\xf8\x07").tensors[0]) == "\x08\x07");
}

TEST_CASE("sizes that contradict dtype and shape are a problem of the tensor") {
  CHECK(problem_of(read_entry("float32", "[2]", "12345678")).empty());
  CHECK(problem_of(read_entry("float32", "[3]", "12345678")) == "corrupt.truncated");
  CHECK(problem_of(read_entry("float32", "[2]", "12345678", ", \"length\": 7")) == "corrupt.size");
  CHECK(problem_of(read_entry("float32", "[2]", "12345678", ", \"offset\": 1")) ==
        "corrupt.truncated");
  CHECK(problem_of(read_entry("float32", "[2]", "12345678",
                              ", \"offset\": 18446744073709551615, \"length\": 8")) ==
        "corrupt.truncated");
  CHECK(problem_of(read_entry("float32", "[4294967296,4294967296]", "")).starts_with("corrupt."));
  CHECK(problem_of(read_entry("float32", "[0,4294967296,4294967296]", "")).starts_with("corrupt."));
  CHECK(problem_of(read_entry("uint8", "[9223372036854775807]", "")) == "corrupt.truncated");
}

// Cause: a dump of float64 described as float32 of the same shape read half of its bytes as
// weights.
TEST_CASE("a file that is longer than its only entry needs a length that says so") {
  CHECK(problem_of(read_entry("float32", "[1]", "12345678")) == "corrupt.size");
  CHECK(problem_of(read_entry("float32", "[1]", "12345678", ", \"offset\": 4")).empty());
  CHECK(problem_of(read_entry("float32", "[1]", "12345678", ", \"length\": 4")).empty());
}

TEST_CASE("checksums are verified when the tensor is read, not when it is listed") {
  // CRC32C of "123456789": RFC 3720's polynomial, the catalogue's check value.
  CHECK(text_of(read_entry("uint8", "[9]", "123456789", ", \"crc32c\": \"e3069283\"").tensors[0]) ==
        "123456789");
  const Manifest bad = read_entry("uint8", "[9]", "123456789", ", \"crc32c\": \"e3069284\"");
  CHECK(problem_of(bad).empty());
  CHECK(thrown_by([&] { load_bytes(bad.tensors[0]); }) == "corrupt.checksum");
  // SHA-256 of "abc", FIPS 180-4.
  const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  CHECK(text_of(read_entry("uint8", "[3]", "abc", ", \"sha256\": \"" + abc + "\"").tensors[0]) ==
        "abc");
  const Manifest wrong = read_entry("uint8", "[3]", "abd", ", \"sha256\": \"" + abc + "\"");
  CHECK(thrown_by([&] { load_bytes(wrong.tensors[0]); }) == "corrupt.checksum");
}

TEST_CASE("strings are read by their lengths, and every lie about them is corrupt") {
  const std::string good = encode_raw_strings({"ab", "", std::string("\0", 1)});
  const auto read = [](const std::string& shape, const std::string& bytes,
                       const std::string& more = "") {
    return read_entry("string", shape, bytes,
                      ", \"length\": " + std::to_string(bytes.size()) + more);
  };
  CHECK(load_strings(read("[3,1]", good).tensors[0]) ==
        std::vector<std::string>{"ab", "", std::string("\0", 1)});
  CHECK(load_strings(read("[0]", "").tensors[0]).empty());
  CHECK(problem_of(read("[9]", good)) == "corrupt.size");
  CHECK(problem_of(read("[9223372036854775807]", good)) == "corrupt.size");
  CHECK(problem_of(read_entry("string", "[3]", good, ", \"length\": 999")) == "corrupt.truncated");
  const auto load = [](const Manifest& manifest) {
    return thrown_by([&] { load_strings(manifest.tensors.at(0)); });
  };
  CHECK(load(read("[2]", good)) == "corrupt.strings");
  CHECK(load(read("[]", std::string(8, '\xff'))) == "corrupt.strings");
  CHECK(load(read("[2]", encode_raw_strings({"0123456789"}))) == "corrupt.strings");
  CHECK(load(read("[3]", good, ", \"crc32c\": \"00000000\"")) == "corrupt.checksum");
}

TEST_CASE("a missing data file is a problem of its tensors, the others are read") {
  const Manifest manifest = read_raw(Input::memory(
      "", {{"manifest.json",
            "{\"tensorferry\": 1, \"tensors\": [{\"name\": \"a\", \"dtype\": \"uint8\", \"shape\": "
            "[1], \"file\": \"gone.bin\"},"
            "{\"name\": \"b\", \"dtype\": \"uint8\", \"shape\": [1], \"file\": \"b.bin\"}]}"},
           {"b.bin", "x"}}));
  REQUIRE(manifest.tensors.size() == 2);
  REQUIRE(manifest.tensors[0].problem);
  CHECK(manifest.tensors[0].problem->id() == "input.missing");
  CHECK(text_of(manifest.tensors[1]) == "x");
}

TEST_CASE("duplicate names and paths that leave the folder refuse the whole manifest") {
  const std::string one =
      "{\"name\": \"a\", \"dtype\": \"uint8\", \"shape\": [0], \"file\": \"w.bin\"}";
  const auto read = [](const std::string& entries) {
    return thrown_by([&] {
      read_raw(Input::memory(
          "", {{"manifest.json", "{\"tensorferry\": 1, \"tensors\": [" + entries + "]}"},
               {"w.bin", ""}}));
    });
  };
  CHECK(read(one).empty());
  CHECK(read(one + "," + one) == "corrupt.duplicate_name");
  CHECK(read("{\"name\": \"a\", \"dtype\": \"uint8\", \"shape\": [0], \"file\": \"../w.bin\"}") ==
        "unsafe.path");
}

TEST_CASE("a manifest above the limit is not read") {
  const Format format = make_raw_format();
  Limits limits;
  limits.header_bytes = 10;
  const Input input =
      Input::memory("", {{"manifest.json", "{\"tensorferry\": 1, \"tensors\": []}"}});
  CHECK(thrown_by([&] { format.reader->read(input, {}, limits); }) == "unsafe.limit");
}

TEST_CASE("a bare file is read by its options") {
  const Tensor tensor = read_file(kSix, {{"dtype", "uint8"}, {"shape", "2,3"}}).tensors.at(0);
  CHECK(tensor.name == "dump");
  CHECK(tensor.shape == Shape{2, 3});
  CHECK(text_of(tensor) == kSix);
  CHECK(read_file(kSix, {{"dtype", "uint8"}, {"shape", "[2, 3]"}, {"name", "a/b:0"}})
            .tensors[0]
            .name == "a/b:0");
  CHECK(text_of(read_file(kSix, {{"dtype", "uint8"}, {"shape", "2,3"}, {"layout", "column-major"}})
                    .tensors[0]) == "\1\3\5\2\4\6");
  CHECK(
      text_of(read_file(kSix, {{"dtype", "int16"}, {"shape", "3"}, {"order", "big"}}).tensors[0]) ==
      "\2\1\4\3\6\5");
  CHECK(text_of(read_file(kSix, {{"dtype", ">i2"}, {"shape", "3"}}).tensors[0]) == "\2\1\4\3\6\5");
  CHECK(
      text_of(read_file(kSix, {{"dtype", "uint8"}, {"shape", "2"}, {"offset", "3"}}).tensors[0]) ==
      "\4\5");
  CHECK(text_of(read_file("\7", {{"dtype", "uint8"}, {"shape", "scalar"}}).tensors[0]) == "\7");
  CHECK(read_file("\7", {{"dtype", "uint8"}, {"shape", "[]"}}).tensors[0].shape.empty());
  CHECK(text_of(read_file(kSix, {{"dtype", "uint8"}, {"shape", "2"}, {"allow_trailing", "true"}})
                    .tensors[0]) == "\1\2");
  CHECK(
      load_strings(read_file(encode_raw_strings({"a", "b"}), {{"dtype", "string"}, {"shape", "2"}})
                       .tensors[0]) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a bare file is never guessed, and bad options are refused") {
  const struct {
    Given given;
    const char* id;
  } rows[] = {
      {{}, "usage.needs_dtype"},
      {{{"shape", "6"}}, "usage.needs_dtype"},
      {{{"dtype", "uint8"}}, "usage.needs_shape"},
      {{{"dtype", "float"}, {"shape", "6"}}, "unsupported.ambiguous_dtype"},
      {{{"dtype", "variant"}, {"shape", "6"}}, "unsupported.dtype"},
      {{{"dtype", "uint8"}, {"shape", "6x1"}}, "usage.bad_option"},
      {{{"dtype", "uint8"}, {"shape", "-6"}}, "usage.bad_option"},
      {{{"dtype", "uint8"}, {"shape", "6,"}}, "usage.bad_option"},
      {{{"dtype", "uint8"}, {"shape", "6.0"}}, "usage.bad_option"},
      {{{"dtype", "uint8"}, {"shape", "18446744073709551616"}}, "usage.bad_option"},
      {{{"dtype", "<i2"}, {"shape", "3"}, {"order", "big"}}, "usage.bad_option"},
      {{{"dtype", "string"}, {"shape", "3"}, {"order", "big"}}, "usage.bad_option"},
      {{{"dtype", "uint8"}, {"shape", "3"}, {"order", "middle"}}, "usage.bad_option"},
      {{{"dtype", "uint8"}, {"shape", "3"}, {"ofset", "1"}}, "usage.unknown_option"},
      {{{"dtype", "uint8"}, {"shape", "5"}}, "corrupt.size"},
      {{{"dtype", "uint8"}, {"shape", "5"}, {"offset", "0"}, {"allow_trailing", "false"}},
       "corrupt.size"},
      {{{"dtype", "uint8"}, {"shape", "7"}}, "corrupt.truncated"},
      {{{"dtype", "uint8"}, {"shape", "1"}, {"offset", "7"}}, "corrupt.truncated"},
      {{{"dtype", "float64"}, {"shape", "9223372036854775807"}}, "corrupt.overflow"},
  };
  for (const auto& row : rows) {
    const std::string got = thrown_by([&] { read_file(kSix, row.given); });
    CAPTURE(got);
    if (std::string_view(row.id) == "corrupt.overflow") {
      CHECK(got.starts_with("corrupt."));
    } else {
      CHECK(got == row.id);
    }
  }
}

TEST_CASE("options that a manifest answers are refused rather than ignored") {
  const Input input =
      Input::memory("", {{"manifest.json", "{\"tensorferry\": 1, \"tensors\": []}"}});
  CHECK(thrown_by([&] { read_raw(input, {{"dtype", "float32"}}); }) == "usage.bad_option");
}

TEST_CASE("only folders and files with a manifest of this program are detected") {
  const std::string ours = "{\"tensorferry\": 1, \"tensors\": []}";
  CHECK(probe_of("", {{"manifest.json", ours}}) == Match::exact);
  CHECK(probe_of("m.json", {{"m.json", ours}}) == Match::exact);
  CHECK(probe_of("", {{"manifest.json", "{\"name\": \"web app\"}"}}) == Match::no);
  CHECK(probe_of("", {{"manifest.json", ""}}) == Match::no);
  CHECK(probe_of("", {{"weights.bin", ours}}) == Match::no);
  CHECK(probe_of("m.bin", {{"m.bin", ours}}) == Match::no);
  CHECK(probe_of("m.json", {{"m.json", "{}"}}) == Match::no);
}

TEST_CASE("what the writer lays out, the reader reads back: every dtype, attributes, odd names") {
  Manifest manifest;
  manifest.attributes = {{"producer", std::string("test")}, {"graph", std::string("\xff\x01", 2)}};
  for (const DTypeInfo& row : all_dtypes()) {
    if (!is_fixed_size(row.dtype)) continue;
    std::string bytes(3 * row.bytes, '\1');  // 1 is a valid code of every type, and a bool
    for (std::uint32_t e = 0; row.dtype == DType::longdouble && e < 3; ++e)
      bytes.replace(16 * e + 10, 6, 6, '\0');
    manifest.tensors.push_back(tensor_of(std::string(row.name), row.dtype, {3, 1}, bytes));
  }
  manifest.tensors.push_back(strings_of("s", {2}, {"x", std::string("\0\xff", 2)}));
  manifest.tensors.push_back(strings_of("no strings", {0}, {}));
  manifest.tensors.push_back(tensor_of(std::string("\xff\0", 2), DType::float32, {0, 7}, ""));
  manifest.tensors.push_back(tensor_of("", DType::uint8, {}, "\5"));
  manifest.tensors.back().attributes = {{"axis", std::int64_t{1}}};

  const Files files = write_raw(manifest);
  CHECK(files.size() == 2);
  const Manifest read = read_raw(Input::memory("", files));
  CHECK(read.attributes == manifest.attributes);
  REQUIRE(read.tensors.size() == manifest.tensors.size());
  for (std::size_t i = 0; i < read.tensors.size(); ++i) {
    const Tensor& got = read.tensors[i];
    const Tensor& want = manifest.tensors[i];
    CAPTURE(want.name);
    CHECK(got.name == want.name);
    CHECK(got.dtype == want.dtype);
    CHECK(got.shape == want.shape);
    CHECK(got.attributes == want.attributes);
    REQUIRE_FALSE(got.problem);
    if (got.dtype == DType::string) {
      CHECK(load_strings(got) == load_strings(want));
    } else {
      CHECK(text_of(got) == text_of(want));
    }
  }
  for (const ManifestEntry& entry : parse_manifest(files.at("manifest.json"), {}).tensors) {
    CHECK(entry.crc32c.size() == 8);
    CHECK((entry.offset % 64 == 0 || entry.length == 0));
  }
}

TEST_CASE("no tensors at all is a folder, too") {
  const Files files = write_raw({});
  CHECK(files.at("weights.bin").empty());
  CHECK(read_raw(Input::memory("", files)).tensors.empty());
}

TEST_CASE("the writer refuses what has no bytes of its own, all at once") {
  Manifest manifest;
  for (DType dtype : {DType::variant, DType::resource, DType::float32}) {
    manifest.tensors.push_back(tensor_of(std::string(to_string(dtype)), dtype, {0}, ""));
  }
  CHECK_FALSE(make_raw_format().writer->encoding(DType::variant).has_value());
  try {
    make_raw_format().writer->lay_out(manifest, {"out", true}, {});
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.id() == "unsupported.dtype");
    CHECK(error.message().find("variant") != std::string::npos);
    CHECK(error.message().find("resource") != std::string::npos);
    CHECK(error.message().find("float32") == std::string::npos);
  }
}
