// One suite over every registered format: no code for any of them.
#include <doctest/doctest.h>

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

/// A raw manifest with one tensor of three elements of each fixed-size dtype, and one of strings.
void write_every_dtype(const TempFolder& folder) {
  std::string text = R"({"tensorferry":1,"tensors":[)";
  for (const DTypeInfo& row : all_dtypes()) {
    if (!is_fixed_size(row.dtype)) continue;
    text += std::string(R"({"name":"all/)") + std::string(row.name) + R"(","dtype":")" +
            std::string(row.name) + R"(","shape":[3],"file":"data"},)";
  }
  folder.write(
      "in/manifest.json",
      text + R"({"name":"all/text","dtype":"string","shape":[2],"file":"text","length":17}]})");
  folder.write("in/data", random_text(48, 1));
  folder.write("in/text", std::string("\1\0\0\0\0\0\0\0a\0\0\0\0\0\0\0\0", 17));
}

fs::path converted(const TempFolder& folder, const Format& format) {
  ConvertOptions options;
  options.to = format.name;
  const fs::path target = folder / ("out-" + std::string(format.name));
  convert(folder / "in", target, options);
  return target;
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

}  // namespace

TEST_CASE("every writer holds every dtype, natively or carried, or names it when it refuses") {
  TempFolder folder;
  write_every_dtype(folder);
  const auto expected = hashes_of(folder / "in");
  for (const Format& format : Registry::global().formats()) {
    if (!format.writer) continue;
    CAPTURE(format.name);
    for (const DTypeInfo& row : all_dtypes()) {
      CAPTURE(row.name);
      const bool held = format.writer->encoding(row.dtype).has_value();
      // Bytes that only their own framework interprets: in that framework's format, or nowhere.
      if (row.dtype == DType::variant) continue;
      CHECK(held == (is_fixed_size(row.dtype) || row.kind == DTypeKind::string));
    }
    const fs::path target = converted(folder, format);
    // What can be read back by this version is exactly what went in.
    const Format& found = Registry::global().detect(Input::open(target));
    if (found.reader) CHECK(hashes_of(target) == expected);
  }
}

TEST_CASE("what a format writes is detected as it alone, and a reader refuses every prefix of it") {
  TempFolder folder;
  write_every_dtype(folder);
  for (const Format& format : Registry::global().formats()) {
    if (!format.writer) continue;
    CAPTURE(format.name);
    const fs::path target = converted(folder, format);
    if (!fs::is_regular_file(target)) continue;
    CHECK(Registry::global().detect(Input::open(target)).name == format.name);
    if (!format.reader) continue;
    const std::string whole = read_file(target);
    for (std::size_t n = 0; n < whole.size(); ++n) {
      const Input cut = Input::memory("cut", {{"cut", whole.substr(0, n)}});
      const std::string id = error_id([&] {
        for (const Tensor& tensor : read(cut).tensors) {
          if (tensor.problem) throw *tensor.problem;
        }
      });
      CHECK(id != "no error");
    }
  }
}

TEST_CASE("no probe claims noise, zeros, text or nothing, and none throws") {
  std::vector<std::string> inputs = {"",
                                     "\n",
                                     std::string(5000, '\0'),
                                     std::string(5000, '\xff'),
                                     "{\"a\": 1}",
                                     "<html>",
                                     "version https://git-lfs.github.com/spec/v1\n"};
  for (unsigned seed = 0; seed < 200; ++seed) inputs.push_back(random_text(1 + seed * 31, seed));
  for (const std::string& bytes : inputs) {
    const Input input = Input::memory("file", {{"file", bytes}});
    CHECK(error_id([&] { Registry::global().detect(input); }) == "unsupported.unknown_format");
  }
}

TEST_CASE("every format has a name, a title, and options with help; nothing is listed twice") {
  std::vector<std::string_view> names;
  for (const Format& format : Registry::global().formats()) {
    CAPTURE(format.name);
    CHECK(!format.title.empty());
    CHECK(std::find(names.begin(), names.end(), format.name) == names.end());
    names.push_back(format.name);
    CHECK((format.reader || format.writer || !format.unavailable.empty()));
    for (const auto* options : {&format.read_options, &format.write_options}) {
      for (const OptionSpec& option : *options) CHECK(!option.help.empty());
    }
  }
}

TEST_CASE("a host program adds a format of its own") {
  Registry registry;
  Format format;
  format.name = "own";
  format.title = "a format of the host";
  format.extensions = {".own"};
  format.probe = [](const Probe& probe) {
    return probe.prefix.starts_with("OWN") ? Match::exact : Match::no;
  };
  registry.add(format);
  CHECK(registry.detect(Input::memory("x", {{"x", "OWN"}})).name == "own");
  CHECK(error_id([&] { registry.add(format); }).starts_with("usage."));
  CHECK(error_id([&] { registry.at("onw"); }) == "usage.unknown_format");
}

TEST_CASE("strings take as much memory as their limit allows, in every format") {
  TempFolder folder;
  for (const Format& format : Registry::global().formats()) {
    if (!format.writer || !format.writer->encoding(DType::string)) continue;
    CAPTURE(format.name);
    const auto plan_strings = [&](std::uint64_t declared, const Limits& limits) {
      Manifest manifest;
      Tensor& tensor = manifest.tensors.emplace_back();
      tensor.name = "text";
      tensor.dtype = DType::string;
      tensor.shape = {2};
      Piece piece;
      piece.origin = StringSource{declared, [] { return std::vector<std::string>{"a", "bc"}; }};
      tensor.stored.pieces.push_back(piece);
      ConversionPlan::make(std::move(manifest), format, folder / "out", {}, limits);
    };
    Limits limits;
    const auto error = error_of([&] { plan_strings(limits.string_bytes + 1, limits); });
    REQUIRE(error);
    CHECK(error->id() == "resources.strings");
    CHECK(error->message().find("--limit strings=BYTES raises it") != std::string::npos);
    ++limits.string_bytes;
    CHECK(error_id([&] { plan_strings(limits.string_bytes, limits); }) == "no error");
    limits.string_bytes = 100;
    CHECK(error_id([&] { plan_strings(101, limits); }) == "resources.strings");
    CHECK(error_id([&] { plan_strings(100, limits); }) == "no error");
  }
}
