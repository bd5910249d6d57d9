#include <doctest/doctest.h>

#include "core/sniff.h"
#include "error_id.h"
#include "tensorferry/format.h"

using namespace tensorferry;
using namespace std::string_literals;

namespace {

struct NullReader : Reader {
  Manifest read(const Input&, const Options&, const Limits&) const override { return {}; }
};

struct NullWriter : Writer {
  std::optional<Encoding> encoding(DType) const override { return std::nullopt; }
  Layout lay_out(const Manifest&, const Output&, const Options&, const Limits&) const override {
    return {};
  }
};

Format format(std::string_view name, std::vector<std::string_view> extensions,
              Match (*probe)(const Probe&)) {
  Format result;
  result.name = name;
  result.extensions = std::move(extensions);
  result.probe = probe;
  result.reader = std::make_shared<NullReader>();
  result.writer = std::make_shared<NullWriter>();
  return result;
}

Match if_starts(const Probe& probe, std::string_view magic, Match match) {
  return probe.prefix.starts_with(magic) ? match : Match::no;
}

Registry registry() {
  Registry result;
  result.add(format("box", {".box"},
                    [](const Probe& probe) { return if_starts(probe, "BOX", Match::container); }));
  result.add(format("toy", {".toy", ".tar.toy"},
                    [](const Probe& probe) { return if_starts(probe, "BOXTOY", Match::exact); }));
  result.add(format("twin", {".toy2"}, [](const Probe& probe) {
    return probe.suffix.ends_with("TWIN") ? Match::exact : Match::no;
  }));
  result.add(format("folder", {}, [](const Probe& probe) {
    return probe.input.kind() == Input::Kind::directory && probe.input.has_sibling("index")
               ? Match::exact
               : Match::no;
  }));
  result.add(format("thrower", {},
                    [](const Probe&) -> Match { throw Error(ErrorCode::corrupt, "x", "y"); }));
  result.add(format("extension", {".ext"}, [](const Probe& probe) {
    return probe.extension == ".ext" ? Match::exact : Match::no;
  }));
  Format missing = format("missing", {".missing"}, [](const Probe& probe) {
    return if_starts(probe, "MISSING", Match::exact);
  });
  missing.unavailable = "this build has no libmissing";
  missing.reader = nullptr;
  missing.writer = nullptr;
  result.add(missing);
  return result;
}

std::string detected(const std::string& bytes, const std::string& name = "x.bin") {
  try {
    return std::string(registry().detect(Input::memory(name, {{name, bytes}})).name);
  } catch (const Error& error) {
    return error.id();
  }
}

std::string looks(const std::string& bytes) {
  const Input input = Input::memory("x", {{"x", bytes}});
  const std::size_t end = bytes.size() - std::min<std::size_t>(bytes.size(), 4096);
  const std::string_view text = bytes;
  return std::string(
      describe_content({input, text.substr(0, 4096), text.substr(end), bytes.size(), ""})
          .description);
}

}  // namespace

TEST_CASE("content decides, and the specific format beats its container") {
  CHECK(detected("BOX...") == "box");
  CHECK(detected("BOXTOY") == "toy");
  CHECK(detected("BOX", "x.toy") == "box");
  CHECK(detected(std::string(10'000, 'x') + "TWIN") == "twin");
  CHECK(detected("anything", "m.EXT") == "extension");
}

TEST_CASE("two formats at once are ambiguous, and both are named") {
  CHECK(detected("BOXTOY...TWIN") == "corrupt.ambiguous");
  const std::string message = error_message([] {
    registry().detect(Input::memory("x", {{"x", "BOXTOY...TWIN"}}));
  });
  CHECK(message.find("toy and twin") != std::string::npos);
}

TEST_CASE("a folder is probed by what it holds") {
  const Input folder = Input::memory("", {{"index", "BOX"}});
  const Registry formats = registry();
  CHECK(formats.detect(folder).name == "folder");
  const auto refusal = [&](std::map<std::string, std::string> files) {
    return error_id([&] { formats.detect(Input::memory("", std::move(files))); });
  };
  CHECK(refusal({{"other", "NOT"}}) == "unsupported.unknown_format");
  CHECK(refusal({{"one", "BOX"}, {"two", "BOX"}}) == "usage.several_files");
}

TEST_CASE("a folder with one model in it is that model") {
  const Registry formats = registry();
  Input folder = Input::memory("", {{"m.box", "BOX"}, {"README", "text"}, {".hidden", "BOX"}});
  CHECK(formats.detect(folder).name == "box");
  CHECK(folder.kind() == Input::Kind::file);
  CHECK(folder.leaf() == "m.box");
  CHECK(folder.found_in() == "memory");
}

TEST_CASE("an unknown format is refused with what it looks like and what is known") {
  CHECK(detected("") == "unsupported.unknown_format");
  const auto error = error_of([] {
    registry().detect(Input::memory("m.h5", {{"m.h5", "\x89HDF\r\n\x1a\n......"}}));
  });
  REQUIRE(error);
  CHECK(error->id() == "unsupported.unknown_format");
  CHECK(error->file() == Input::memory("m.h5", {{"m.h5", ""}}).name());
  CHECK(error->message() ==
        "of no known format; it looks like an HDF5 file; formats that can be read: box, toy, twin, "
        "folder, thrower, "
        "extension (--from names one)");
}

TEST_CASE("a format that this build lacks is detected and says how to get it") {
  CHECK(detected("MISSING") == "unsupported.format_unavailable");
  CHECK(error_message([] { registry().for_extension("a.missing"); }) ==
        "missing: this build has no libmissing");
  CHECK(registry().at("missing").name == "missing");
}

TEST_CASE("formats are found by name, and names are unique") {
  Registry formats = registry();
  CHECK(formats.at("toy").name == "toy");
  CHECK(error_id([&] { formats.at("toi"); }) == "usage.unknown_format");
  CHECK(error_message([&] { formats.at("toi"); }).find("did you mean toy?") != std::string::npos);
  CHECK(error_id([&] { formats.add(format("toy", {}, nullptr)); }) == "usage.format");
  CHECK(error_id([&] { formats.add(format("", {}, nullptr)); }) == "usage.format");
  CHECK(formats.formats().size() == 7);
}

TEST_CASE("the longest extension decides the target's format") {
  Registry formats = registry();
  CHECK(formats.for_extension("m.toy").name == "toy");
  CHECK(formats.for_extension("M.TOY2").name == "twin");
  formats.add(format("inner", {".r.toy"}, nullptr));
  CHECK(formats.for_extension("m.r.toy").name == "inner");
  CHECK(formats.for_extension("m.tar.toy").name == "toy");
  for (const char* leaf : {"m", "", "toy", "m.toy.gz"}) {
    CAPTURE(leaf);
    const auto error = error_of([&] { formats.for_extension(leaf); });
    REQUIRE(error);
    CHECK(error->id() == "usage.unknown_extension");
    CHECK(error->message().find(".toy2") != std::string::npos);
  }
  formats.add(format("rival", {".box"}, nullptr));
  CHECK(error_id([&] { formats.for_extension("m.box"); }) == "usage.unknown_extension");
}

TEST_CASE("unknown content is described for the person who has it") {
  const std::pair<std::string, std::string> table[] = {
      {"", "an empty file"},
      {"PK\x03\x04..archive/data.pkl", "a zip archive written by PyTorch"},
      {"PK\x03\x04..arr_0.npy", "a zip archive of NumPy arrays (.npz)"},
      {"PK\x03\x04..", "a zip archive: extract it first"},
      {"\x1f\x8b\x08", "gzip data: decompress it first"},
      {"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
       "a PyTorch file of the time before 1.6 (pickle)"},
      {"\x80\x04\x95....", "a Python pickle"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
       "a Git LFS pointer: the real file was not downloaded (git lfs pull)"},
      {"\x89HDF\r\n\x1a\n", "an HDF5 file"},
      {"GGUF\x03", "a GGUF file"},
      {"\x93NUMPY\x01", "a NumPy array file (.npy)"},
      {"\x1c\0\0\0TFL3"s, "a TensorFlow Lite model (FlatBuffers)"},
      {"\x02\0\0\0\0\0\0\0{}"s, "a safetensors file"},
      {std::string(5000, '\0'), "zeros only: was it copied or downloaded completely?"},
      {" {\"a\": 1}", "JSON"},
      {"\n<!DOCTYPE html><p>", "a web page: the download gave a page instead of the file"},
      {"<?xml", "XML"},
      {"<?xml version=\"1.0\"?>\n<net name=\"m\">", "an OpenVINO model (XML)"},
      {"<\n   ir_version: 10,\n", "an ONNX model as text: save it in binary form (.onnx)"},
      {"ir_version: 8\n", "an ONNX model as text: save it in binary form (.onnx)"},
      {"{\n  \"irVersion\": \"8\"", "an ONNX model as text: save it in binary form (.onnx)"},
      {"\x1c\0\0\0MSL2"s, "a MindSpore Lite model (FlatBuffers)"},
      {"\x1c\0\0\0ORTM"s,
       "an ONNX Runtime model (.ort, FlatBuffers): convert the .onnx it was made from"},
      {"\x0a\x14\x0a\x01w\x12\x0f\x08\x01\x12\x07"
       "Float32\x1a\x02zz"s,
       "a MindSpore checkpoint"},
      {"lmgg\x01", "an old GGML file"},
      {"hello", "text"},
      {" \n", "blank text"},
      {std::string(4095, 'a') + "\xC3\xB6", "text"},
      {"\xfe\x01\x02", ""},
      {"\xfe...\x57\xfb\x80\x8b\x24\x75\x47\xdb",
       "a LevelDB table, as the index of a TensorFlow checkpoint is"}};
  for (const auto& [bytes, description] : table) {
    CAPTURE(description);
    CHECK(looks(bytes) == description);
  }
}

TEST_CASE("a format is known by other words, and says which one is right") {
  Registry known;
  Format box = format("box", {".box"}, nullptr);
  box.aliases = {"bx", "crate"};
  box.advice = {{"bag", "bags are not made: --to box"}};
  known.add(box);
  for (const char* word : {"box", "BOX", ".box", "bx", "Crate"})
    CHECK(known.at(word).name == "box");
  CHECK(error_message([&] { known.at("bag"); }).find("bags are not made") != std::string::npos);
  CHECK(error_message([&] { known.at("crte"); }).find("did you mean crate?") != std::string::npos);
  CHECK(error_id([&] { known.add(format("bx", {}, nullptr)); }) == "usage.format");
}
