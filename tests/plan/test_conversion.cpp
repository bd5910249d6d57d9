// Whole conversions through the public interface: the same bytes at any number of threads, complete
// or not at all.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <map>
#include <random>

#include "error_id.h"
#include "temp_folder.h"
#include "tensorferry/tensorferry.h"

using namespace tensorferry;
namespace fs = std::filesystem;

namespace {

std::string random_text(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(n, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

struct Entry {
  std::string name, dtype, shape;
  std::size_t offset, length;
  std::string more = {};
};

void write_raw(const TempFolder& folder, const std::vector<Entry>& entries,
               std::string_view bytes) {
  std::string text = R"({"tensorferry":1,"tensors":[)";
  for (const Entry& entry : entries) {
    if (text.back() != '[') text += ",";
    text += R"({"name":")" + entry.name + R"(","dtype":")" + entry.dtype + R"(","shape":[)" +
            entry.shape + R"(],"file":"data","offset":)" + std::to_string(entry.offset) +
            R"(,"length":)" + std::to_string(entry.length) + entry.more + "}";
  }
  folder.write("in/manifest.json", text + "]}");
  folder.write("in/data", bytes);
}

/// Tensors larger and smaller than a window, of every kind of element, little and big endian, row-
/// and column-major, some of them of several tiles.
void write_mixed(const TempFolder& folder) {
  const std::string bytes = random_text(14'000'000, 1);
  std::vector<Entry> entries = {
      {"big", "float32", "1500,1500", 3, 9'000'000},
      {"big_endian", "float64", "1000,300", 9'000'003, 2'400'000, R"(,"byte_order":"big")"},
      {"columns", "int16", "700,1000", 11'400'003, 1'400'000, R"(,"order":"column-major")"},
      {"wide_columns", "float32", "3,700000", 5, 8'400'000, R"(,"order":"column-major")"},
      {"tall_columns", "float64", "90000,7,2", 9, 10'080'000,
       R"(,"order":"column-major","byte_order":"big")"},
      {"nibbles", "int4", "1100001", 12'800'003, 1'100'001},
      {"empty", "float32", "0,3", 0, 0},
      {"scalar", "float64", "", 7, 8},
  };
  for (int i = 0; i < 300; ++i) {
    const auto at = static_cast<std::size_t>(i);
    entries.push_back({"small/" + std::to_string(i), "uint8", std::to_string(i * 7), at, at * 7});
  }
  write_raw(folder, entries, bytes);
}

ConvertOptions with_threads(unsigned threads, const char* format) {
  ConvertOptions options;
  options.to = format;
  options.run.threads = threads;
  return options;
}

std::vector<std::string> hashes_of(const fs::path& path) {
  std::vector<std::string> all;
  for (const Tensor& tensor : read(path).tensors) {
    all.push_back(tensor.name + " " + std::string(to_string(tensor.dtype)) + " " +
                  to_string(tensor.shape) + " " + sha256(tensor));
  }
  std::sort(all.begin(), all.end());
  return all;
}

/// Every file of an output, by its name behind the target's: one file, a folder, or a prefix.
std::map<std::string, std::string> output_files(const fs::path& target) {
  std::map<std::string, std::string> files;
  const bool folder = fs::is_directory(target);
  const std::string leaf = target.filename();
  for (const auto& file : fs::directory_iterator(folder ? target : target.parent_path())) {
    const std::string name = file.path().filename();
    if (folder) {
      files[name] = read_file(file.path());
    } else if (name == leaf || name.starts_with(leaf + ".")) {
      files[name.substr(leaf.size())] = read_file(file.path());
    }
  }
  return files;
}

}  // namespace

TEST_CASE("every format writes the same bytes at one and at eight threads, and in little memory") {
  TempFolder folder;
  write_mixed(folder);
  for (const Format& format : Registry::global().formats()) {
    if (!format.writer) continue;
    CAPTURE(format.name);
    const std::string name(format.name);
    convert(folder / "in", folder / (name + "1"), with_threads(1, name.c_str()));
    convert(folder / "in", folder / (name + "8"), with_threads(8, name.c_str()));
    ConvertOptions little = with_threads(3, name.c_str());
    little.run.memory_limit = 4u << 20;
    convert(folder / "in", folder / (name + "little"), little);
    const auto one = output_files(folder / (name + "1"));
    REQUIRE(!one.empty());
    CHECK(one == output_files(folder / (name + "8")));
    CHECK(one == output_files(folder / (name + "little")));
  }
}

TEST_CASE("what raw and npy folders hold is what went in") {
  TempFolder folder;
  write_mixed(folder);
  const auto expected = hashes_of(folder / "in");
  CHECK(expected.size() == 308);
  for (const char* format : {"raw", "npy"}) {
    convert(folder / "in", folder / format, with_threads(2, format));
    CHECK(hashes_of(folder / format) == expected);
  }
}

TEST_CASE("a cancelled run leaves nothing and says so") {
  TempFolder folder;
  write_mixed(folder);
  const std::atomic<bool> cancel{true};
  ConvertOptions options = with_threads(2, "raw");
  options.run.cancel = &cancel;
  CHECK(error_id([&] { convert(folder / "in", folder / "out", options); }) == "input.cancelled");
  CHECK(folder.names() == std::vector<std::string>{"in"});
}

TEST_CASE("progress ends at the total and never goes back") {
  TempFolder folder;
  write_mixed(folder);
  std::vector<Progress> seen;
  ConvertOptions options = with_threads(2, "raw");
  options.run.progress = [&](const Progress& progress) { seen.push_back(progress); };
  const Receipt receipt = convert(folder / "in", folder / "out", options);
  REQUIRE(!seen.empty());
  CHECK(seen.back().bytes_done == seen.back().bytes_total);
  CHECK(receipt.output_bytes == seen.back().bytes_total);
  for (std::size_t i = 1; i < seen.size(); ++i) CHECK(seen[i].bytes_done >= seen[i - 1].bytes_done);
}

TEST_CASE("damage is refused before anything appears, or left out on request") {
  TempFolder folder;
  const std::string zeros(64, '0');
  write_raw(folder,
            {{"good", "uint8", "4", 0, 4},
             {"damaged", "uint8", "4", 4, 4, R"(,"crc32c":"00000001")"},
             {"short", "uint8", "400", 0, 400}},
            random_text(100, 2));
  ConvertOptions options = with_threads(1, "raw");
  CHECK(error_id([&] { convert(folder / "in", folder / "out", options); }) == "corrupt.truncated");
  options.selection.exclude = {"short"};
  CHECK(error_id([&] { convert(folder / "in", folder / "out", options); }) == "corrupt.checksum");
  CHECK(folder.names() == std::vector<std::string>{"in"});
  options.selection.exclude = {};
  options.salvage = true;
  const Receipt receipt = convert(folder / "in", folder / "out", options);
  CHECK(receipt.damaged == std::vector<std::string>{"damaged", "short"});
  CHECK(read(folder / "out").tensors.size() == 1);
}

TEST_CASE("a source that changes while it is read is noticed") {
  TempFolder folder;
  write_raw(folder, {{"a", "uint8", "100", 0, 100}}, random_text(100, 2));
  PreparedConversion prepared = prepare(folder / "in", folder / "out", with_threads(1, "raw"));
  folder.write("in/data", random_text(101, 3));
  CHECK(error_id([&] { std::move(prepared.plan).run({}); }) == "input.changed");
  CHECK(folder.names() == std::vector<std::string>{"in"});
}

TEST_CASE("selecting nothing, too little memory and unknown options are the caller's mistakes") {
  TempFolder folder;
  write_raw(folder, {{"a", "uint8", "1", 0, 1}}, "x");
  ConvertOptions options = with_threads(1, "raw");
  options.selection.include = {"b*"};
  CHECK(error_id([&] { convert(folder / "in", folder / "out", options); }) ==
        "usage.nothing_selected");
  options.allow_empty = true;
  convert(folder / "in", folder / "empty", options);
  CHECK(read(folder / "empty").tensors.empty());
  options.selection = {};
  options.run.memory_limit = 1000;
  CHECK(error_id([&] { convert(folder / "in", folder / "out", options); }) == "usage.memory_limit");
  options.run.memory_limit = RunOptions{}.memory_limit;
  options.write_options = {{"compresion", "gzip"}};
  CHECK(error_id([&] { convert(folder / "in", folder / "out", options); }) ==
        "usage.unknown_option");
  options.to = "nympy";
  CHECK(error_id([&] { convert(folder / "in", folder / "out", options); }) ==
        "usage.unknown_format");
}

TEST_CASE("a dry run describes every tensor and writes nothing") {
  TempFolder folder;
  write_raw(folder, {{"half", "bfloat16", "2", 0, 4}, {"plain", "float32", "1", 0, 4}}, "abcd");
  const std::string text =
      prepare(folder / "in", folder / "out", with_threads(1, "npy")).plan.describe();
  CHECK(text.find("half  bfloat16 [2]") != text.npos);
  CHECK(text.find("carried as") != text.npos);
  CHECK(text.find("2 tensors, 8 bytes -> 3 files") != text.npos);
  CHECK(folder.names() == std::vector<std::string>{"in"});
}

TEST_CASE("bool bytes that are neither 0 nor 1 become 1, with a note") {
  TempFolder folder;
  write_raw(folder, {{"mask", "bool", "4", 0, 4}}, std::string("\0\1\2\xff", 4));
  const Receipt receipt = convert(folder / "in", folder / "mask.npy", {});
  REQUIRE(receipt.notes.size() == 1);
  CHECK(receipt.notes[0].id == "bool.normalised");
  const std::string file = read_file(folder / "mask.npy");
  CHECK(file.substr(file.size() - 4) == std::string("\0\1\1\1", 4));
}

TEST_CASE("a tensor that the gate finds fault with is refused, whatever the format") {
  TempFolder folder;
  for (const Format& format : Registry::global().formats()) {
    if (!format.writer) continue;
    CAPTURE(format.name);
    Manifest manifest;
    Tensor& tensor = manifest.tensors.emplace_back();
    tensor.name = std::string(70'000, 'n');
    tensor.dtype = DType::float32;
    tensor.shape = {0};
    const auto error =
        error_of([&] { ConversionPlan::make(std::move(manifest), format, folder / "out"); });
    REQUIRE(error);
    CHECK(error->message().find("cannot be converted (--exclude leaves it out") !=
          std::string::npos);
  }
}
