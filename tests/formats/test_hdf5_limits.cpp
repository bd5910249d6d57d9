// What the HDF5 writer refuses, and what it promises before it writes: memory, room, sizes of
// headers.
#include <doctest/doctest.h>

#include "error_id.h"
#include "hdf5/header_writer.h"
#include "layout_in_memory.h"
#include "random_bytes.h"
#include "temp_folder.h"
#include "tensorferry/convert.h"

using namespace tensorferry;
using namespace std::string_literals;
using WriteOptions = std::map<std::string, std::string>;

namespace {

constexpr std::uint64_t kMiB = 1u << 20;

const Format& hdf5_format() { return Registry::global().at("hdf5"); }

ConversionPlan plan_of(Manifest manifest, const std::filesystem::path& target,
                       WriteOptions options = {}) {
  return ConversionPlan::make(std::move(manifest), hdf5_format(), target, options);
}

RunOptions run_with(unsigned threads, std::uint64_t memory) {
  RunOptions run;
  run.threads = threads;
  run.memory_limit = memory;
  run.sync = false;
  run.overwrite = true;
  return run;
}

/// 3 MiB that do not compress.
Manifest noise() {
  const Bytes bytes = random_bytes(3 * kMiB, 1);
  Manifest manifest;
  manifest.tensors = {
      tensor_of("x", DType::uint8, {bytes.size()},
                std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()))};
  return manifest;
}

}  // namespace

TEST_CASE(
    "hdf5: a chunk for which the memory limit has no room is refused before anything is written") {
  const TempFolder folder;
  const WriteOptions options = {{"compression", "gzip"}, {"chunk", "3M"}};
  const RunOptions little = run_with(2, 7 * kMiB), enough = run_with(2, 9 * kMiB);
  const auto error = error_of([&] { plan_of(noise(), folder / "x.h5", options).run(little); });
  REQUIRE(error);
  CHECK(error->id() == "usage.memory_limit");
  CHECK(error->message().find("chunk=BYTES") != std::string::npos);
  CHECK(folder.names().empty());
  const ConversionPlan plan = plan_of(noise(), folder / "x.h5", options);
  CHECK(error_id([&] { plan.peak_memory(little); }) == "usage.memory_limit");
  CHECK(plan.peak_memory(enough) <= enough.memory_limit);
  CHECK(plan.peak_memory(enough) > 6 * kMiB);
  plan_of(noise(), folder / "x.h5", options).run(enough);
  CHECK(folder.names() == std::vector<std::string>{"x.h5"});
}

TEST_CASE("hdf5: less memory means fewer threads, and the same bytes") {
  const TempFolder folder;
  const WriteOptions options = {{"compression", "gzip"}, {"chunk", "500K"}, {"level", "1"}};
  std::string first;
  for (const std::uint64_t memory : {4 * kMiB, 6 * kMiB, 48 * kMiB}) {
    for (const unsigned threads : {1u, 3u, 8u}) {
      CAPTURE(memory);
      CAPTURE(threads);
      const RunOptions run = run_with(threads, memory);
      ConversionPlan plan = plan_of(noise(), folder / "x.h5", options);
      CHECK(plan.peak_memory(run) <= memory + 64 * 1024);  // the file's headers
      std::move(plan).run(run);
      const std::string bytes = read_file(folder / "x.h5");
      if (first.empty()) first = bytes;
      CHECK(bytes == first);
    }
  }
}

TEST_CASE("hdf5: the size that is expected of compressed output is never too small") {
  const TempFolder folder;
  for (const WriteOptions& chunk : {WriteOptions{{"chunk", "64K"}}, WriteOptions{{"chunk", "1K"}},
                                    WriteOptions{{"chunk", "65530"}}}) {
    WriteOptions options = {{"compression", "gzip"}, {"level", "0"}};
    options.insert(chunk.begin(), chunk.end());
    ConversionPlan plan = plan_of(noise(), folder / "x.h5", options);
    const std::uint64_t expected = plan.output_files().at(0).second;
    std::move(plan).run(run_with(1, 48 * kMiB));
    CHECK(std::filesystem::file_size(folder / "x.h5") <= expected);
  }
}

TEST_CASE("hdf5: attributes that no header holds are refused, and just fewer are read back") {
  const TempFolder folder;
  const auto with_attributes = [](int count) {
    Manifest manifest;
    for (int i = 0; i < count; ++i) {
      std::string name = std::to_string(i);
      name.resize(60'000, 'n');
      manifest.attributes[name] = std::int64_t{i};
    }
    return manifest;
  };
  const auto error = error_of([&] { plan_of(with_attributes(1100), folder / "x.h5"); });
  REQUIRE(error);
  CHECK(error->id() == "unsupported.hdf5");
  CHECK(error->message().find("the file: its attributes take") != std::string::npos);
  const Manifest most = with_attributes(1099);
  plan_of(most, folder / "x.h5").run(run_with(1, 48 * kMiB));
  CHECK(read(folder / "x.h5").attributes == most.attributes);
}

TEST_CASE("hdf5: no size is cut to fit its field of an object header") {
  std::string out;
  hdf5::HeaderWriter header(out);
  CHECK(error_id([&] { header.add_attribute(std::string(70'000, 'n'), "type", "12345678"); }) ==
        "internal.hdf5_header");
  CHECK(error_id([&] { header.add_link(std::string(65'536, 'n'), 8); }) == "internal.hdf5_header");
  for (int i = 0; i < 65'536; ++i) header.add_type("12345678");
  CHECK(error_id([&] { header.finish(); }) == "internal.hdf5_header");
}
