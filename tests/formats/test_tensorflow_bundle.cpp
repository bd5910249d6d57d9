// Entries of the index, and the values that they lead to.
#include <doctest/doctest.h>

#include "error_id.h"
#include "formats/tensorflow_read.h"

using namespace tensorferry;
using namespace tensorflow_test;

namespace {

constexpr std::int64_t kFloat = 1, kInt32 = 3, kUint8 = 4, kString = 7;
constexpr std::int64_t kMost = 0x7fffffffffffffff;

/// The index and the data that TensorFlow 2.21 wrote for a = [[1, 2]], s = ["hi", ""].
Files minimal_bundle() {
  const std::string index = hex("00 00 06 08 01 1a 02 08 01"
                                "00 01 0f 61 08 01 12 04 12 02 08 02 28 08 35 59 3c e5 35"
                                "00 01 11 73 08 07 12 04 12 02 08 02 20 08 28 08 35 9e 9e 48 ed"
                                "00 00 00 00 01 00 00 00  00 60 47 1c 63"
                                "00 00 00 00 01 00 00 00  00 c0 f2 a1 b0"
                                "00 01 02 74 00 39 00 00 00 00 01 00 00 00  00 08 7f 72 58"
                                "3e 08 4b 0e") +
                            std::string(36, '\0') + hex("57 fb 80 8b 24 75 47 db");
  const std::string data = hex("00 00 80 3f 00 00 00 40 02 00 78 27 0b 34 68 69");
  return {{"m.index", index}, {"m.data-00000-of-00001", data}};
}

/// A bundle of a good tensor "good" and one entry "bad"; what becomes of the second one.
std::string problem_of_entry(const std::string& value, std::int64_t shards = 1) {
  Bundle bundle(shards);
  bundle.add("good", kUint8, {4}, "good");
  bundle.set("bad", value);
  const Manifest manifest = read_files(bundle.files());
  CHECK(manifest.tensors.size() == 2);
  CHECK(bytes_of(manifest.at("good")) == "good");
  return problem_of(manifest.at("bad"));
}

std::string problem_of_spec(const EntrySpec& spec, std::int64_t shards = 1) {
  return problem_of_entry(entry(spec), shards);
}

}  // namespace

TEST_CASE("tensorflow: the minimal bundle that TensorFlow wrote is read") {
  const Files files = minimal_bundle();
  REQUIRE(files.at("m.index").size() == 142);
  const Manifest manifest = read_files(files);
  REQUIRE(manifest.tensors.size() == 2);
  const Tensor& a = manifest.at("a");
  CHECK(a.dtype == DType::float32);
  CHECK(a.shape == Shape{2});
  CHECK(load<float>(a) == std::vector<float>{1, 2});
  const Tensor& s = manifest.at("s");
  CHECK(s.dtype == DType::string);
  CHECK(load_strings(s) == std::vector<std::string>{"hi", ""});
  CHECK(std::get<std::int64_t>(manifest.attributes.at("tensorflow.num_shards")) == 1);
  CHECK(std::get<std::int64_t>(manifest.attributes.at("tensorflow.producer")) == 1);
  CHECK(std::get<std::string>(manifest.attributes.at("tensorflow.endianness")) == "little");
}

TEST_CASE("tensorflow: the writer of these tests makes the bundle that TensorFlow makes") {
  Bundle bundle;
  bundle.add("a", kFloat, {2}, hex("00 00 80 3f 00 00 00 40"));
  bundle.add_strings("s", {2}, {"hi", ""});
  const Files ours = bundle.files(), theirs = minimal_bundle();
  CHECK(ours.at("m.data-00000-of-00001") == theirs.at("m.data-00000-of-00001"));
  // TensorFlow shortens the separator "s" to "t"; the data block is the same.
  CHECK(ours.at("m.index").substr(0, 62) == theirs.at("m.index").substr(0, 62));
}

TEST_CASE("tensorflow: a big-endian bundle is swapped by component, checksums are over the file") {
  Bundle bundle(1, std::endian::big);
  bundle.add("a", kFloat, {2}, hex("3f 80 00 00 40 00 00 00"));
  bundle.add("c", 8, {1}, hex("3f 80 00 00 40 00 00 00"));
  bundle.add_strings("s", {2}, {"hi", ""});
  bundle.add("u", kUint8, {2}, "xy");
  const Files files = bundle.files();
  const std::string& data = files.at("m.data-00000-of-00001");
  CHECK(data.substr(16, 8) == hex("02 00 7e 28 e2 ec 68 69"));
  const Manifest manifest = read_files(files);
  CHECK(std::get<std::string>(manifest.attributes.at("tensorflow.endianness")) == "big");
  CHECK(load<float>(manifest.at("a")) == std::vector<float>{1, 2});
  CHECK(bytes_of(manifest.at("c")) == hex("00 00 80 3f 00 00 00 40"));
  CHECK(load_strings(manifest.at("s")) == std::vector<std::string>{"hi", ""});
  CHECK(bytes_of(manifest.at("u")) == "xy");
}

TEST_CASE("tensorflow: every dtype number is read, and a reference is its base type") {
  for (std::int64_t code = 1; code <= 33; ++code) {
    if (code == kString || code == 20 || code == 21) continue;
    for (const std::int64_t number : {code, code + 100}) {
      CAPTURE(number);
      Bundle bundle;
      bundle.add("t", number, {3}, std::string(48, '\x01'));
      const Manifest probe = read_files(bundle.files());
      const std::uint32_t bytes = info(probe.tensors[0].dtype).bytes;
      CHECK(problem_of(probe.tensors[0]) == (bytes == 16 ? "" : "corrupt.size"));
      Bundle right;
      right.add("t", number, {3}, std::string(3 * bytes, '\x01'));
      const Manifest manifest = read_files(right.files());
      CHECK(problem_of(manifest.tensors[0]).empty());
      CHECK(bytes_of(manifest.tensors[0]) == std::string(3 * bytes, '\x01'));
    }
  }
}

TEST_CASE("tensorflow: sub-byte types take one byte each, with the upper bits ignored") {
  Bundle bundle;
  bundle.add("t", 29, {4}, hex("08 0f f8 18"));
  CHECK(bytes_of(read_files(bundle.files()).at("t")) == hex("08 0f 08 08"));
}

TEST_CASE(
    "tensorflow: an entry that is wrong is listed with its problem, and the others are read") {
  const std::string overlong = field(1, kFloat) + hex("12 ff");
  struct Case {
    const char* what;
    std::string value;
    const char* id;
  };
  const Case cases[] = {
      {"malformed message", overlong, "corrupt.entry"},
      {"dtype 0", entry({.dtype = 0}), "corrupt.dtype"},
      {"dtype 34", entry({.dtype = 34, .size = 4}), "unsupported.dtype"},
      {"dtype 99", entry({.dtype = 99}), "unsupported.dtype"},
      {"dtype 134", entry({.dtype = 134}), "unsupported.dtype"},
      {"dtype -1", entry({.dtype = -1}), "unsupported.dtype"},
      {"a resource", entry({.dtype = 20}), "unsupported.dtype"},
      {"unknown rank", field(1, kFloat) + field(2, field(3, std::int64_t{1})), "corrupt.shape"},
      {"a negative dimension", entry({.dims = {2, -1}, .size = 4}), "corrupt.shape"},
      {"too many elements", entry({.dims = {kMost, 2}}), "corrupt.shape"},
      {"too many elements beside a zero", entry({.dims = {kMost, 2, 0}}), "corrupt.shape"},
      {"too many bytes", entry({.dims = {kMost}}), "corrupt.overflow"},
      {"rank 256", entry({.dims = std::vector<std::int64_t>(256, 1), .size = 4}),
       "unsupported.rank"},
      {"a negative offset", entry({.offset = -4, .size = 4}), "corrupt.range"},
      {"a negative size", entry({.size = -4}), "corrupt.range"},
      {"a size that is not the shape's", entry({.dims = {2}, .size = 4}), "corrupt.size"},
      {"elements of no size", entry({.dims = {2}}), "corrupt.size"},
      {"bytes of no element", entry({.dims = {0}, .size = 4}), "corrupt.size"},
      {"past the end of the shard", entry({.offset = 1, .size = 4}), "corrupt.truncated"},
      {"an offset near 2^63", entry({.offset = kMost, .size = 4}), "corrupt.truncated"},
      {"shard -1", entry({.shard = -1, .size = 4}), "corrupt.shard"},
      {"shard 1 of 1", entry({.shard = 1, .size = 4}), "corrupt.shard"},
      {"more strings than bytes", entry({.dtype = 7, .dims = {5}, .size = 4}), "corrupt.size"},
  };
  for (const Case& test : cases) {
    CAPTURE(test.what);
    CHECK(problem_of_entry(test.value) == test.id);
  }
  CHECK(problem_of_spec({.shard = 1, .size = 4}, 2) == "input.missing");
}

TEST_CASE("tensorflow: what protobuf allows in an entry is accepted") {
  const std::string crc = varint(6 << 3 | 5) + little32(masked_crc("good"));
  const std::string size = field(5, std::int64_t{4});
  const std::string accepted[] = {
      field(1, kFloat) + size + crc,                                          // no shape: a scalar
      field(1, kFloat) + field(2, "") + size + crc,                           // the same
      field(1, kInt32) + field(1, kFloat) + field(2, "") + size + crc,        // the last one wins
      crc + size + field(2, "") + field(1, kFloat),                           // any order
      field(1, kFloat) + size + crc + field(99, "later") + field(50, kMost),  // unknown fields
      field(1, kFloat) + field(2, field(2, field(1, std::int64_t{1}) + field(2, "\xff\xfe"))) +
          size + crc,  // a dimension with a name, which need not be UTF-8
  };
  for (const std::string& value : accepted) {
    Bundle bundle;
    bundle.add("good", kUint8, {4}, "good");
    bundle.set("t", value);
    const Manifest manifest = read_files(bundle.files());
    CHECK(problem_of(manifest.at("t")) == "");
    CHECK(bytes_of(manifest.at("t")) == "good");
  }
}

TEST_CASE("tensorflow: a wrong checksum is found when the tensor is read, an absent one is 0") {
  Bundle bundle;
  EntrySpec spec = bundle.place(kUint8, {4}, "good");
  spec.crc ^= 1;
  bundle.add("flipped", spec);
  spec.crc = 0;
  bundle.add("absent", spec);
  const Manifest manifest = read_files(bundle.files());
  CHECK(error_id([&] { bytes_of(manifest.at("flipped")); }) == "corrupt.checksum");
  CHECK(error_id([&] { bytes_of(manifest.at("absent")); }) == "corrupt.checksum");
}

TEST_CASE("tensorflow: the header decides what is read at all") {
  const auto outcome = [](const std::string& header_value) {
    Bundle bundle;
    bundle.add("t", kUint8, {4}, "good");
    bundle.set("", header_value);
    return error_id([&] {
      for (const Tensor& tensor : read_files(bundle.files()).tensors) {
        if (tensor.problem) throw *tensor.problem;
      }
    });
  };
  const auto version = [](const std::string& fields) {
    return field(1, std::int64_t{1}) + field(3, fields);
  };
  CHECK(outcome(field(1, std::int64_t{1})) == "no error");  // before versions were written
  CHECK(outcome(version(field(1, std::int64_t{2}))) == "no error");
  CHECK(outcome(version(field(2, std::int64_t{1}))) == "no error");
  CHECK(outcome(version(field(2, std::int64_t{2}))) == "unsupported.version");
  CHECK(outcome(version(field(3, std::int64_t{1}))) == "unsupported.version");
  CHECK(outcome(version(field(3, std::string_view("\x02\x01")))) ==
        "unsupported.version");  // packed
  CHECK(outcome(version(field(3, std::int64_t{2}))) == "no error");
  CHECK(outcome(version(field(1, std::int64_t{-1}))) == "corrupt.header");
  CHECK(outcome(field(1, std::int64_t{1}) + field(2, std::int64_t{2})) == "unsupported.endianness");
  CHECK(outcome(hex("08 01 1a 05")) == "corrupt.header");
  CHECK(outcome(hex("0a 02 08 01")) == "corrupt.v1_checkpoint");
  CHECK(outcome("") == "corrupt.shard");  // no shards
  CHECK(outcome(field(1, std::int64_t{-1})) == "corrupt.header");
  CHECK(outcome(field(1, std::int64_t{0x80000000})) == "corrupt.header");
}

TEST_CASE("tensorflow: an index without a header is refused, one without tensors is read") {
  const auto index_of = [](const Entries& entries) { return Files{{"m.index", table(entries)}}; };
  CHECK(error_id([&] { read_files(index_of({})); }) == "corrupt.header");
  CHECK(error_id([&] { read_files(index_of({{"t", entry({})}})); }) == "corrupt.header");
  CHECK(read_files(index_of({{"", header(1)}})).tensors.empty());
  CHECK(read_files(index_of({{"", ""}})).tensors.empty());
}

TEST_CASE("tensorflow: more tensors than the limit are refused") {
  Bundle bundle;
  for (const char* name : {"a", "b", "c"}) bundle.add(name, kUint8, {1}, "x");
  CHECK(error_id([&] { read_files(bundle.files(), "m", {.tensors = 2}); }) == "unsafe.limit");
  CHECK(read_files(bundle.files(), "m", {.tensors = 3}).tensors.size() == 3);
}

TEST_CASE("tensorflow: an entry too large to be parsed is a problem of its tensor") {
  std::string shape;
  for (int i = 0; i < 40000; ++i) shape += hex("12 00");
  Bundle bundle;
  bundle.set("bomb", field(1, kFloat) + field(2, shape));
  bundle.add("t", kUint8, {1}, "x");
  const Manifest manifest = read_files(bundle.files(), "m", {.header_bytes = 1'000'000});
  CHECK(problem_of(manifest.at("bomb")) == "unsafe.limit");
  CHECK(bytes_of(manifest.at("t")) == "x");
}

TEST_CASE("tensorflow: tensors without elements need no data file") {
  Bundle bundle;
  bundle.add("floats", {.dims = {0, 3}, .crc = masked_crc("")});
  bundle.add("empty", {.dtype = kString, .dims = {0}});
  bundle.add("sum", {.dtype = kString, .dims = {0}, .size = 4, .crc = 0xf6c10c64});
  const Manifest manifest = read_files(bundle.files());
  CHECK(manifest.tensors.size() == 3);
  for (const Tensor& tensor : manifest.tensors) CHECK(problem_of(tensor) == "");
  CHECK(bytes_of(manifest.at("floats")) == "");
  CHECK(load_strings(manifest.at("empty")).empty());
  CHECK(load_strings(manifest.at("sum")).empty());
}

TEST_CASE("tensorflow: entries may share bytes, leave gaps, and end before the file does") {
  Bundle bundle;
  const EntrySpec spec = bundle.place(kUint8, {8}, counting(8));
  bundle.add("whole", spec);
  bundle.add("part",
             {.dtype = kUint8, .dims = {2}, .offset = 1, .size = 2, .crc = masked_crc("\x02\x03")});
  Files files = bundle.files();
  CHECK_FALSE(has_note(read_files(files), "tensorflow.trailing_bytes"));
  files["m.data-00000-of-00001"] += "more";
  const Manifest manifest = read_files(files);
  CHECK(has_note(manifest, "tensorflow.trailing_bytes"));
  CHECK(bytes_of(manifest.at("whole")) == counting(8));
  CHECK(bytes_of(manifest.at("part")) == "\x02\x03");
}

TEST_CASE("tensorflow: every missing shard is named, and what lies in the others is read") {
  Bundle bundle(3);
  bundle.add("a", kUint8, {1}, "x", 0);
  bundle.add("b", kUint8, {1}, "y", 1);
  bundle.add("c", kUint8, {1}, "z", 2);
  Files files = bundle.files();
  files.erase("m.data-00000-of-00003");
  files.erase("m.data-00002-of-00003");
  const Manifest manifest = read_files(files);
  REQUIRE(problem_of(manifest.at("a")) == "input.missing");
  CHECK(manifest.at("a").problem->file() == "m.data-00000-of-00003");
  CHECK(manifest.at("a").problem->tensor() == "a");
  CHECK(manifest.at("c").problem->file() == "m.data-00002-of-00003");
  CHECK(bytes_of(manifest.at("b")) == "y");
}

TEST_CASE(
    "tensorflow: a bundle of more than 99999 shards has wider numbers, and only those in use are "
    "opened") {
  Bundle bundle(2'000'000'000);
  bundle.add("t", kUint8, {1}, "x", 123456);
  const Files files = bundle.files();
  REQUIRE(files.contains("m.data-123456-of-2000000000"));
  CHECK(bytes_of(read_files(files).at("t")) == "x");
}

TEST_CASE("tensorflow: a Git-LFS pointer in place of a shard is called that") {
  Bundle bundle;
  bundle.add("t", kUint8, {5000}, std::string(5000, 'x'));
  Files files = bundle.files();
  files["m.data-00000-of-00001"] =
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5000\n";
  CHECK(problem_of(read_files(files).at("t")) == "corrupt.lfs_pointer");
}

TEST_CASE("tensorflow: bookkeeping is labelled, variants are opaque bytes") {
  Bundle bundle;
  bundle.add_strings("_CHECKPOINTABLE_OBJECT_GRAPH", {}, {"graph"});
  bundle.add_strings(".ATTRIBUTES/OBJECT_CONFIG_JSON", {}, {"{}"});
  bundle.add_strings("layer/.ATTRIBUTES/OBJECT_CONFIG_JSON", {}, {"{}"});
  bundle.add("list", 21, {}, "opaque");
  bundle.add("handle", EntrySpec{.dtype = 20});
  bundle.add("layer/kernel/.ATTRIBUTES/VARIABLE_VALUE", kUint8, {1}, "x");
  const Manifest manifest = read_files(bundle.files());
  for (const Tensor& tensor : manifest.tensors) {
    CAPTURE(tensor.name);
    CHECK(tensor.bookkeeping == !tensor.name.ends_with("VARIABLE_VALUE"));
  }
  CHECK(manifest.at("list").dtype == DType::variant);
  CHECK(bytes_of(manifest.at("list")) == "opaque");
  CHECK(manifest.at("handle").dtype == DType::resource);
  CHECK(load_strings(manifest.at("_CHECKPOINTABLE_OBJECT_GRAPH")) ==
        std::vector<std::string>{"graph"});

  Bundle big(1, std::endian::big);
  big.add("list", 21, {}, "opaque");
  CHECK(problem_of(read_files(big.files()).at("list")) == "unsupported.dtype");
}

TEST_CASE("tensorflow: names are any bytes, also those that begin as slice keys do") {
  Bundle bundle;
  const std::string names[] = {std::string("\0plain", 6), "\xff\xfe", "a b:0\n", "/x",
                               std::string(300, 'n')};
  for (const std::string& name : names) bundle.add(name, kUint8, {1}, "x");
  const Manifest manifest = read_files(bundle.files());
  for (const std::string& name : names) CHECK(bytes_of(manifest.at(name)) == "x");
}
