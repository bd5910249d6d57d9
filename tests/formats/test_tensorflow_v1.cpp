// V1 checkpoints: records are found where the index block says, and nothing in them is trusted.
#include <doctest/doctest.h>

#include "error_id.h"
#include "formats/tensorflow_read.h"
#include "formats/tensorflow_v1.h"
#include "tensorflow/record_table.h"

using namespace tensorferry;
using namespace tensorflow_test;
using tensorferry::tensorflow::RecordTable;

namespace {

Manifest read_v1_entries(const Entries& entries, const TableOptions& options = {}) {
  return read_files({{"m", table(entries, options)}});
}

/// A checkpoint of "t", an int32 of two elements, with that record.
Manifest with_record(const std::string& record) {
  return read_v1_entries({{"", v1_header({v1_meta("t", 3, {2})})}, {v1_key("t", 1), record}});
}

std::string error_of_record(const std::string& record) {
  return error_id([&] { load<std::int32_t>(with_record(record).at("t")); });
}

}  // namespace

TEST_CASE("tensorflow: the minimal V1 file that TensorFlow wrote is read") {
  const std::string contents =
      hex("00 00 17 0a 15 0a 0f 0a 01 61 12 04 12 02 08 02 18 01 22 02 0a 00 12 02 08 01"
          "00 08 15 00 61 00 01 01 01 80 7f 12 13 0a 01 61 12 02 0a 00 1a 0a 2a 08"
          "00 00 80 3f 00 00 00 40  00 00 00 00 01 00 00 00");
  const Manifest manifest = read_files({{"m", table_of_blocks({sealed(contents)}, {"z"})}});
  REQUIRE(manifest.tensors.size() == 1);
  CHECK(load<float>(manifest.at("a")) == std::vector<float>{1, 2});
  CHECK(std::get<std::string>(manifest.attributes.at("tensorflow.format")) == "v1");
}

TEST_CASE("tensorflow: records are found in one block or many, plain or snappy") {
  std::vector<std::pair<std::string, std::string>> texts;
  for (int i = 1000; i < 1200; ++i) {
    texts.emplace_back("layer/" + std::to_string(i), "text " + std::to_string(i));
  }
  for (const TableOptions& options : {TableOptions{}, TableOptions{.block_bytes = 100},
                                      TableOptions{.block_bytes = 1, .restart_interval = 1},
                                      TableOptions{.restart_interval = 100000},
                                      TableOptions{.block_bytes = 500, .snappy = true}}) {
    const Manifest manifest = read_files({{"m", v1_file(texts, options)}});
    REQUIRE(manifest.tensors.size() == texts.size());
    for (const auto& [name, text] : texts) CHECK(bytes_of(manifest.at(name)) == text);
  }
}

TEST_CASE("tensorflow: listing a V1 checkpoint reads no block but the first") {
  const std::string first = block({{"", v1_header({v1_meta("t", 3, {2})})}});
  const std::string second = block({{v1_key("t", 1), v1_record(int_values({1, 2}))}});
  std::string damaged = sealed(second);
  damaged[5] = static_cast<char>(damaged[5] ^ 1);
  const Manifest manifest =
      read_files({{"m", table_of_blocks({sealed(first), damaged}, {"", "z"})}});
  CHECK(problem_of(manifest.at("t")) == "");
  CHECK(error_id([&] { load<std::int32_t>(manifest.at("t")); }) == "corrupt.checksum");
  // Each time, not only the first.
  CHECK(error_id([&] { load<std::int32_t>(manifest.at("t")); }) == "corrupt.checksum");
}

TEST_CASE("tensorflow: a V1 record holds exactly the values of its tensor") {
  const auto values = with_record(v1_record(int_values({-1, 7})));
  CHECK(load<std::int32_t>(values.at("t")) == std::vector<std::int32_t>{-1, 7});
  CHECK(error_of_record(v1_record(int_values({1}))) == "corrupt.values");
  CHECK(error_of_record(v1_record(int_values({1, 2, 3}))) == "corrupt.values");
  CHECK(error_of_record(v1_record("")) == "corrupt.values");
  CHECK(error_of_record(v1_record(field(5, "\1\2"))) == "corrupt.values");
  CHECK(error_of_record(v1_record(field(7, "\1\xff"))) == "corrupt.message");
  CHECK(error_of_record(v1_record(field(7, std::string(10, '\xff') + "\1"))) == "corrupt.message");
  CHECK(error_of_record(v1_record(hex("3a 7f 01"))) == "corrupt.message");
  CHECK(error_of_record(v1_record(hex("39"))) == "corrupt.message");
  CHECK(error_of_record(v1_record(hex("3d 00 00 00 00"))) == "corrupt.values");  // another type
  CHECK(error_of_record(hex("ff ff")) == "corrupt.message");
  CHECK(error_of_record("") == "corrupt.record");
}

TEST_CASE("tensorflow: the parts of a V1 record are merged, as protobuf does") {
  const std::string record =
      field(2, field(3, int_values({-1}))) + field(2, field(3, int_values({7})));
  CHECK(load<std::int32_t>(with_record(record).at("t")) == std::vector<std::int32_t>{-1, 7});
}

TEST_CASE(
    "tensorflow: a V1 header that lies is one tensor's problem, a broken one refuses the file") {
  const auto problem = [](const std::string& meta) {
    const Manifest manifest =
        read_v1_entries({{"", v1_header({meta})}, {v1_key("t", 1), v1_record(int_values({1, 2}))}});
    return problem_of(manifest.at("t"));
  };
  CHECK(problem(v1_meta("t", 3, {2})) == "");
  CHECK(problem(v1_meta("t", 3, {-2})) == "corrupt.shape");
  CHECK(problem(v1_meta("t", 3, {0x4000000000000000, 8})) == "corrupt.shape");
  CHECK(problem(v1_meta("t", 3, {0x4000000000})) == "corrupt.size");
  CHECK(problem(v1_meta("t", 7, {0x4000000000})) == "corrupt.size");
  CHECK(problem(v1_meta("t", 0, {2})) == "corrupt.dtype");
  CHECK(problem(v1_meta("t", 99, {2})) == "unsupported.dtype");
  CHECK(problem(v1_meta("t", 20, {2})) == "unsupported.dtype");
  CHECK(problem(v1_meta("t", 21, {2})) == "unsupported.dtype");
  CHECK(problem(field(1, "t") + field(2, field(2, field(1, std::int64_t{2}))) +
                field(3, std::int64_t{3})) == "corrupt.slices");
  const auto refusal = [](const std::string& header_record) {
    return error_id([&] { read_v1_entries({{"", header_record}}); });
  };
  CHECK(refusal(v1_header({})) == "no error");
  CHECK(refusal(field(1, field(2, field(2, std::int64_t{2})))) == "unsupported.version");
  CHECK(refusal(field(1, field(2, field(3, std::int64_t{1})))) == "unsupported.version");
  CHECK(refusal(field(1, hex("0a 7f"))) == "corrupt.header");
  CHECK(refusal(field(1, field(1, hex("0a 7f")))) == "corrupt.header");
}

TEST_CASE("tensorflow: a block that lies about its restarts leads nowhere") {
  const auto find = [](const std::string& contents) {
    const auto file = memory_file("x", table_of_blocks({sealed(contents)}, {"zzz"}));
    return error_id([&] { RecordTable(file, {}).find("b"); });
  };
  const std::string entries = hex("00 01 01 61 31 00 01 01 62 32");
  CHECK(find(entries + hex("00 00 00 00 01 00 00 00")) == "no error");
  CHECK(find(entries + hex("05 00 00 00 01 00 00 00")) == "no error");
  CHECK(find(entries + hex("ff ff 00 00 01 00 00 00")) == "corrupt.block");
  CHECK(find(entries + hex("00 00 00 00 ff 00 00 00")) == "corrupt.block");
  CHECK(find(entries + hex("00 00 00 00 00 00 00 00 00 00 00 00")) == "corrupt.record");
  CHECK(find(hex("05 01 01 62 32 00 00 00 00 01 00 00 00")) == "corrupt.block");
  CHECK(find(hex("00 01 7f 62 32 00 00 00 00 01 00 00 00")) == "corrupt.block");
  CHECK(find("abc") == "corrupt.block");
}
