#include <doctest/doctest.h>

#include <map>
#include <string>

#include "core/strings.h"
#include "formats/layout_in_memory.h"
#include "npz/npz.h"
#include "temp_folder.h"
#include "tensorferry/convert.h"
#include "util/npy_header.h"
#include "util/zip.h"
#include "zip_builder.h"

using namespace tensorferry;
using zip_builder::Archive;
using zip_builder::member;

namespace {

std::string array(std::string_view descr, const Shape& shape, std::string_view elements) {
  return npy_header(descr, shape) + std::string(elements);
}

Manifest read_bytes(const std::string& bytes,
                    const std::map<std::string, std::string>& options = {}) {
  return read(Input::memory("a.npz", {{"a.npz", bytes}}), {"npz", options, {}});
}

std::string written(const Manifest& manifest) {
  const Manifest split = split_strings(manifest);
  return carry_out(make_npz_writer()->lay_out(split, {"a.npz", false}, {}), split).at("");
}

void check_same(const Manifest& got, const Manifest& want) {
  CHECK(got.notes.empty());
  CHECK(got.attributes == want.attributes);
  REQUIRE(got.tensors.size() == want.tensors.size());
  for (std::size_t i = 0; i < want.tensors.size(); ++i) {
    const Tensor& a = got.tensors[i];
    const Tensor& b = want.tensors[i];
    CAPTURE(b.name);
    REQUIRE_FALSE(a.problem);
    CHECK(a.name == b.name);
    CHECK(a.dtype == b.dtype);
    CHECK(a.shape == b.shape);
    CHECK(a.attributes == b.attributes);
    if (a.dtype == DType::string) {
      CHECK(load_strings(a) == load_strings(b));
    } else {
      CHECK(text_of(a) == text_of(b));
    }
  }
}

}  // namespace

TEST_CASE("what is written is a valid archive with aligned elements, and reads back") {
  Manifest manifest;
  manifest.attributes = {{"author", std::string("x")}, {"step", std::int64_t{5}}};
  manifest.tensors.push_back(tensor_of("layer/kernel:0", DType::float32, {1, 2}, "12345678"));
  manifest.tensors.push_back(tensor_of("half", DType::bfloat16, {}, "ab"));
  manifest.tensors.push_back(tensor_of("i4", DType::int4, {3}, "\x08\x0f\x07"));
  manifest.tensors.push_back(tensor_of("u2", DType::uint2, {1}, "\x03"));
  manifest.tensors.push_back(tensor_of("\xff", DType::float8_e5m2, {2, 0}, ""));
  manifest.tensors.push_back(tensor_of("q", DType::qint16, {1}, "ab"));
  manifest.tensors.push_back(tensor_of("", DType::uint8, {1}, "a"));
  manifest.tensors.push_back(tensor_of(std::string("nul\0x", 5), DType::uint8, {1}, "a"));
  manifest.tensors.push_back(tensor_of("back\\slash", DType::uint8, {1}, "a"));
  manifest.tensors.push_back(tensor_of("x", DType::uint8, {1}, "a"));
  manifest.tensors.push_back(tensor_of("x.npy", DType::uint8, {1}, "b"));
  manifest.tensors.push_back(strings_of("words", {1, 2}, {"a", "bc"}));
  manifest.tensors.back().attributes["note"] = std::string("kept");
  const std::string bytes = written(manifest);

  const ZipArchive archive = read_zip(memory_file("a", bytes));
  CHECK(archive.members.size() == manifest.tensors.size() + 1);
  for (const ZipMember& one : archive.members) {
    CHECK(one.offset % 64 == 0);
    CHECK(one.crc32 == zip_builder::crc_of(std::string_view(bytes).substr(one.offset, one.size)));
  }
  check_same(read_bytes(bytes), manifest);
  CHECK(Registry::global().detect(Input::memory("m", {{"m", bytes}})).name == "npz");
}

TEST_CASE("nothing is said beside the arrays when there is nothing to say") {
  Manifest manifest;
  manifest.tensors.push_back(tensor_of("w", DType::float32, {1}, "1234"));
  CHECK(read_zip(memory_file("a", written(manifest))).comment.empty());
  check_same(read_bytes(written({})), {});
}

TEST_CASE("metadata that is too long for the comment is a member of its own") {
  Manifest manifest;
  for (int i = 0; i < 1000; ++i) {
    manifest.tensors.push_back(tensor_of("a/long/name/of/a/tensor/number/" + std::to_string(i),
                                         DType::bfloat16, {1}, "ab"));
  }
  const std::string bytes = written(manifest);
  const ZipArchive archive = read_zip(memory_file("a", bytes));
  CHECK(archive.comment.empty());
  CHECK(archive.members.back().name == "tensorferry.json");
  check_same(read_bytes(bytes), manifest);
  manifest.tensors[0].name = "tensorferry.json";
  CHECK(thrown_by([&] { written(manifest); }) == "unsupported.name_taken");
}

TEST_CASE("names that zip cannot hold are refused, listing all") {
  Manifest manifest;
  manifest.tensors.push_back(tensor_of(std::string(65'532, 'x'), DType::uint8, {1}, "a"));
  manifest.tensors.push_back(tensor_of("\xff", DType::uint8, {1}, "a"));
  manifest.tensors.push_back(tensor_of("%FF", DType::uint8, {1}, "a"));
  CHECK(thrown_by([&] { written(manifest); }) == "unsupported.names");
  manifest.tensors = {tensor_of(std::string(65'531, 'x'), DType::uint8, {1}, "a")};
  check_same(read_bytes(written(manifest)), manifest);
}

TEST_CASE("paths in names are labels, with a note") {
  Manifest manifest;
  for (const char* name : {"../up", "/root", "a/../b", "fine..npy", "..."}) {
    manifest.tensors.push_back(tensor_of(name, DType::uint8, {1}, "a"));
  }
  const Layout layout = make_npz_writer()->lay_out(manifest, {"a.npz", false}, {});
  REQUIRE(layout.notes.size() == 1);
  CHECK(layout.notes[0].id == "npz.path");
  CHECK(layout.notes[0].text.find("fine") == std::string::npos);
  check_same(read_bytes(written(manifest)), manifest);
}

TEST_CASE("many arrays without elements and a directory behind them") {
  TempFolder folder;
  Archive source;
  for (int i = 0; i < 20; ++i) {
    source.members.push_back(
        member("empty" + std::to_string(i) + ".npy", array("<f4", {0, 3}, "")));
  }
  source.members.push_back(member("full.npy", array(">f4", {2}, "abcdefgh")));
  folder.write("in.npz", source.bytes());
  convert(folder / "in.npz", folder / "out.npz", {});
  check_same(read_bytes(read_file(folder / "out.npz")), read_bytes(source.bytes()));
}

TEST_CASE("deflated archives are written through a sink and read back") {
  TempFolder folder;
  Archive source;
  std::string numbers;
  for (unsigned i = 0; i < 500'000; ++i) numbers += std::to_string(i % 7919 * 31 % 1000) + ',';
  source.members.push_back(member("big.npy", array("|u1", {numbers.size()}, numbers)));
  source.members.push_back(member("turned/x.npy", array(">f4", {2}, "abcdefgh"), 8));
  source.members.push_back(member("none.npy", array("<f4", {0}, "")));
  folder.write("in.npz", source.bytes());
  ConvertOptions options;
  options.write_options = {{"compression", "deflate"}};
  const Receipt receipt = convert(folder / "in.npz", folder / "out.npz", options);
  const std::string bytes = read_file(folder / "out.npz");
  CHECK(receipt.output_bytes == bytes.size());
  CHECK(bytes.size() < source.bytes().size() / 2);
  for (const ZipMember& one : read_zip(memory_file("a", bytes)).members) CHECK(one.method == 8);
  check_same(read_bytes(bytes), read_bytes(source.bytes()));
  options.write_options = {{"level", "3"}};
  CHECK(thrown_by([&] { convert(folder / "in.npz", folder / "x.npz", options); }) ==
        "usage.bad_option");
  options.write_options = {{"compression", "deflate"}, {"level", "10"}};
  CHECK(thrown_by([&] { convert(folder / "in.npz", folder / "x.npz", options); }) ==
        "usage.bad_option");
}

TEST_CASE("keys, members that are no arrays, and contradictions") {
  const std::string good = array("|u1", {2}, "ab");
  Archive made{{member("a.npy", good), member("b", good, 8), member("readme.txt", "hello"),
                member("bad.npy", "hello")}};
  const Manifest manifest = read_bytes(made.bytes());
  REQUIRE(manifest.tensors.size() == 3);
  CHECK(manifest.tensors[0].name == "a");
  CHECK(manifest.tensors[1].name == "b");
  CHECK(text_of(manifest.tensors[1]) == "ab");
  CHECK(manifest.tensors[2].problem->id() == "corrupt.npy_magic");
  REQUIRE(manifest.notes.size() == 1);
  CHECK(manifest.notes[0].id == "npz.not_arrays");
  made.members.push_back(member("b.npy", good));
  CHECK(thrown_by([&] { read_bytes(made.bytes()); }) == "corrupt.duplicate_name");
}

TEST_CASE("npz: what deflates counts in the memory of a run, and keeps to its share") {
  Manifest manifest;
  manifest.tensors.push_back(tensor_of("a", DType::uint8, {1}, "a"));
  const Options options(Registry::global().at("npz").write_options, {{"compression", "deflate"}});
  const Layout layout = make_npz_writer()->lay_out(manifest, {"a.npz", false}, options);
  REQUIRE(layout.sink);
  for (const std::uint64_t memory : {2u << 20, 3u << 20, 48u << 20}) {
    const std::uint64_t one = layout.sink->buffer_bytes(1, memory);
    CHECK(one >= 256u << 10);
    CHECK(layout.sink->buffer_bytes(8, memory) >= one);
    CHECK(layout.sink->buffer_bytes(8, memory) <= memory);
  }
}

TEST_CASE("a CRC-32 covers header and elements, stored and deflated, and bytes behind them") {
  for (const unsigned method : {0u, 8u}) {
    for (const std::string_view trailing : {"", "more"}) {
      const std::string whole = array("<u2", {2, 2}, "abcdefgh") + std::string(trailing);
      Archive made{{member("a.npy", whole, method)}};
      CHECK(text_of(read_bytes(made.bytes()).tensors[0]) == "abcdefgh");
      made.members[0].local.crc ^= 4;
      made.members[0].central.crc ^= 4;
      CHECK(thrown_by([&] { text_of(read_bytes(made.bytes()).tensors[0]); }) == "corrupt.checksum");
    }
  }
  // A header that was damaged into another valid one.
  Archive made{{member("a.npy", array("<u2", {2, 2}, "abcdefgh"))}};
  made.members[0].bytes.replace(made.members[0].bytes.find("<u2"), 3, ">u2");
  CHECK(thrown_by([&] { text_of(read_bytes(made.bytes()).tensors[0]); }) == "corrupt.checksum");
  Archive texts{{member("a.npy", array("|S2", {2}, "abcd"))}};
  CHECK(load_strings(read_bytes(texts.bytes()).tensors[0]) == std::vector<std::string>{"ab", "cd"});
  texts.members[0].bytes.back() = 'x';
  CHECK(thrown_by([&] { load_strings(read_bytes(texts.bytes()).tensors[0]); }) ==
        "corrupt.checksum");
  Archive nothing{{member("a.npy", array("|u1", {0}, ""))}};
  nothing.members[0].local.crc = nothing.members[0].central.crc = 1;
  CHECK(thrown_by([&] { text_of(read_bytes(nothing.bytes()).tensors[0]); }) != "");
}

TEST_CASE("tags that do not fit are left out with a note; options fill what has no tag") {
  Archive made{
      {member("a.npy", array("|V1", {2}, "ab")), member("b.npy", array("<V2", {1}, "ab"))}};
  made.comment =
      R"({"tensorferry.tensors": {"a": {"dtype": "float8_e4m3fn", "carrier": "codes", "shape": [2]},
                     "gone": {"dtype": "int4", "carrier": "sx", "shape": [1]}}})";
  Manifest manifest = read_bytes(made.bytes());
  CHECK(manifest.tensors[0].dtype == DType::float8_e4m3fn);
  CHECK(manifest.tensors[1].dtype == DType::bfloat16);
  made.comment =
      R"({"tensorferry.tensors": {"a": {"dtype": "float8_e4m3fn", "carrier": "codes", "shape": [3]}}})";
  manifest = read_bytes(made.bytes());
  CHECK(manifest.tensors[0].problem->id() == "unsupported.dtype");
  manifest = read_bytes(made.bytes(), {{"dtype", "int4"}});
  CHECK(manifest.tensors[0].dtype == DType::int4);
  for (const char* comment : {"a comment of somebody", "[1]", "{\"a\": ", "\xff"}) {
    made.comment = comment;
    CHECK(read_bytes(made.bytes()).attributes.empty());
  }
}

TEST_CASE("a flipped bit is refused, or changes no element: every bit of an archive") {
  const std::string elements = "abcdefgh";
  for (const unsigned method : {0u, 8u}) {
    Archive made{{member("w.npy", array("<u2", {2, 2}, elements), method)}};
    made.comment =
        R"({"tensorferry.tensors": {"w": {"dtype": "quint16", "carrier": "bits", "shape": [2, 2]}}})";
    const std::string whole = made.bytes();
    const ZipMember inside = read_zip(memory_file("a", whole)).members[0];
    std::size_t accepted = 0;  // of the bits of the member
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
      CAPTURE(bit);
      std::string flipped = whole;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
      const auto outcome = [&]() -> std::string {
        const Manifest manifest = read_bytes(flipped);
        std::string all;
        for (const Tensor& tensor : manifest.tensors) {
          all += to_string(tensor.shape) + text_of(tensor);
        }
        return all;
      };
      std::string got;
      try {
        got = outcome();
      } catch (const Error& error) {
        CHECK(error.code() != ErrorCode::internal);
        continue;
      }
      // An entry whose name no longer ends in .npy is no array.
      CHECK((got == "[2, 2]" + elements || got.empty()));
      const std::size_t at = bit / 8;
      accepted += at >= inside.offset && at < inside.offset + inside.stored;
    }
    // The last byte of a deflate stream has bits that mean nothing.
    CHECK(accepted <= (method == 0 ? 0 : 7));
  }
}
