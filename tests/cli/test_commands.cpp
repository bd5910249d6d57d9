#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program.h"

using tensorferry::testing::Redirect;
using tensorferry::testing::Result;
using tensorferry::testing::run_program;
using tensorferry::testing::small_model;
using tensorferry::testing::TempFolder;
using tensorferry::testing::write_model;
using Json = nlohmann::ordered_json;

namespace {

using Words = std::vector<std::string>;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void check_error(const Result& result, int code, const std::string& id) {
  CAPTURE(result.err);
  CHECK(result.code == code);
  CHECK(has(result.err, "tensorferry: error[" + id));
}

}  // namespace

TEST_CASE("help and version go to standard output") {
  const Result version = run_program({"--version"});
  CHECK(version.code == 0);
  CHECK(version.out.starts_with("tensorferry "));
  for (const Words& words : {Words{"--help"}, Words{"help"}, Words{"-h"}}) {
    const Result help = run_program(words);
    CHECK(help.code == 0);
    CHECK(has(help.out, "convert IN OUT"));
    CHECK(help.err.empty());
  }
  for (const char* command : {"convert", "ls", "info", "print", "hash", "formats"}) {
    const Result help = run_program({command, "--help"});
    CHECK(help.code == 0);
    CHECK(has(help.out, std::string("tensorferry ") + command));
    CHECK(has(help.out, "Examples:"));
    CHECK(run_program({"help", command}).out == help.out);
  }
}

TEST_CASE("no command is a usage error that shows the overview") {
  const Result result = run_program({});
  CHECK(result.code == 2);
  CHECK(result.out.empty());
  CHECK(has(result.err, "usage: tensorferry COMMAND"));
}

TEST_CASE("an unknown command names the nearest") {
  const Result result = run_program({"convertt"});
  check_error(result, 2, "usage.unknown_command");
  CHECK(has(result.err, "did you mean convert?"));
}

TEST_CASE("wrong options are usage errors") {
  TempFolder folder;
  const std::string model = small_model(folder);
  check_error(run_program({"ls", model, "--jsn"}), 2, "usage.unknown_option");
  check_error(run_program({"ls"}), 2, "usage.missing_operand");
  check_error(run_program({"convert", model}), 2, "usage.missing_operand");
  check_error(run_program({"ls", model, model}), 2, "usage.extra_operand");
  check_error(run_program({"ls", model, "--names", "keras"}), 2, "usage.bad_value");
  check_error(run_program({"ls", model, "--tree", "--json"}), 2, "usage.bad_option");
  check_error(run_program({"convert", model, folder.path("o.npy"), "--memory-limit", "much"}), 2,
              "usage.bad_value");
  check_error(run_program({"convert", model, folder.path("o.npy"), "--progress", "some"}), 2,
              "usage.bad_value");
  check_error(run_program({"ls", model, "--limit", "colour=3"}), 2, "usage.bad_option");
}

TEST_CASE("ls lists name, dtype, shape and bytes, and a total") {
  TempFolder folder;
  const Result result = run_program({"ls", small_model(folder)});
  CHECK(result.code == 0);
  CHECK(result.out ==
        "NAME          DTYPE    SHAPE   BYTES\n"
        "dense/kernel  float32  [2, 3]     24\n"
        "dense/bias    float32  [3]        12\n"
        "step          int64    []          8\n"
        "3 tensors, 44 bytes\n");
  CHECK(result.err.empty());
}

TEST_CASE("ls --long adds the place and the first element") {
  TempFolder folder;
  const Result result = run_program({"ls", small_model(folder), "--long"});
  CHECK(result.code == 0);
  CHECK(has(result.out, "w.bin@24  -1.0"));
  CHECK(has(result.out, "w.bin@36  9007199254740993"));
}

TEST_CASE("ls --tree groups names") {
  TempFolder folder;
  const Result result = run_program({"ls", small_model(folder), "--tree"});
  CHECK(has(result.out, "\ndense/    2 tensors             36\n"));
  CHECK(has(result.out, "\n  kernel  "));
}

TEST_CASE("ls --json is complete") {
  TempFolder folder;
  const Result result = run_program({"ls", small_model(folder), "--json", "--long"});
  CHECK(result.code == 0);
  const Json document = Json::parse(result.out);
  CHECK(document["format"] == "raw");
  REQUIRE(document["tensors"].size() == 3);
  const Json& bias = document["tensors"][1];
  CHECK(bias["name"] == "dense/bias");
  CHECK(bias["dtype"] == "float32");
  CHECK(bias["shape"] == Json::array({3}));
  CHECK(bias["bytes"] == 12);
  CHECK(bias["offset"] == 24);
  CHECK(bias["sample"] == -1.0);
}

TEST_CASE("names that are not UTF-8 or would move the cursor are harmless") {
  TempFolder folder;
  const std::string model = write_model(
      folder,
      R"({"name_base64": "/w==", "dtype": "uint8", "shape": [1], "file": "w.bin"},)"
      R"({"name": "a\u001b[2Jb", "dtype": "uint8", "shape": [1], "file": "w.bin", "offset": 1})",
      {{"w.bin", "xy"}});
  const Result text = run_program({"ls", model});
  CHECK(text.code == 0);
  CHECK(has(text.out, "\\xff"));
  CHECK(has(text.out, "a\\x1b[2Jb"));
  CHECK_FALSE(has(text.out, "\x1b"));
  const Json document = Json::parse(run_program({"hash", model, "--json"}).out);
  CHECK(document["tensors"][0]["name_base64"] == "/w==");
  CHECK(document["tensors"][1]["name"] == "a\x1b[2Jb");
}

TEST_CASE("the selection works, and an empty one is an error") {
  TempFolder folder;
  const std::string model = small_model(folder);
  CHECK(has(run_program({"ls", model, "--scope", "dense", "--exclude", "*bias"}).out,
            "\n1 tensor, 24 bytes\n"));
  CHECK(has(run_program({"ls", model, "--regex", "--include", "^s.*p$"}).out,
            "\n1 tensor, 8 bytes\n"));
  check_error(run_program({"ls", model, "--scope", "den"}), 2, "usage.empty_selection");
  CHECK(run_program({"ls", model, "--scope", "den", "--allow-empty"}).code == 0);
  check_error(run_program({"ls", model, "--regex", "--include", "("}), 2, "usage.");
}

TEST_CASE("info says what a file is, with and without its name") {
  TempFolder folder;
  const std::string model = small_model(folder);
  const Result result = run_program({"info", model});
  CHECK(result.code == 0);
  CHECK(has(result.out, "raw"));
  CHECK(has(result.out, "float32  2 tensors  36 bytes"));
  CHECK(run_program({model}).out == result.out);
  const Json document = Json::parse(run_program({"info", model, "--json"}).out);
  CHECK(document["tensors"] == 3);
  CHECK(document["elements"] == 10);
  CHECK(document["dtypes"]["int64"]["bytes"] == 8);
}

TEST_CASE("print shows values") {
  TempFolder folder;
  const std::string model = small_model(folder);
  const Result result = run_program({"print", model, "dense/kernel", "dense/bias", "step"});
  CHECK(result.code == 0);
  CHECK(result.out ==
        "dense/kernel: float32 [2, 3]\n[[0.5, 1.0, 1.5],\n [2.0, 2.5, 3.0]]\n\n"
        "dense/bias: float32 [3]\n[-1.0,  nan,  inf]\n\n"
        "step: int64 []\n9007199254740993\n");
  CHECK(run_program({"print", model, "dense/kernel", "--slice", "-1,:2"}).out ==
        "dense/kernel[-1,:2]: float32 [2]\n[2.0, 2.5]\n");
}

TEST_CASE("print --json gives nested lists") {
  TempFolder folder;
  const std::string model = small_model(folder);
  const Json document =
      Json::parse(run_program({"print", model, "dense/bias", "dense/kernel", "--json"}).out);
  CHECK(document["tensors"][0]["values"] == Json::array({-1.0, "NaN", "Infinity"}));
  CHECK(document["tensors"][1]["values"][1][2] == 3.0);
}

TEST_CASE("print of a name that is not there is a usage error") {
  TempFolder folder;
  check_error(run_program({"print", small_model(folder), "dense/kernal"}), 2,
              "usage.no_such_tensor");
  check_error(run_program({"print", small_model(folder), "step", "--slice", "0"}), 2,
              "usage.bad_slice");
}

TEST_CASE("big arrays are elided, and whole with --full") {
  TempFolder folder;
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i % 100);
  const std::string model = write_model(
      folder, R"({"name": "x", "dtype": "uint8", "shape": [1000, 100], "file": "w.bin"})",
      {{"w.bin", bytes}});
  const Result elided = run_program({"print", model, "x"});
  CHECK(has(elided.out, "[[ 0,  1,  2, ..., 97, 98, 99],\n"));
  CHECK(has(elided.out, "\n ...,\n"));
  CHECK(elided.out.size() < 500);
  const Json whole = Json::parse(run_program({"print", model, "x", "--json"}).out);
  CHECK(whole["tensors"][0]["values"].size() == 1000);
  CHECK(whole["tensors"][0]["values"][999][42] == 42);
  const Json column =
      Json::parse(run_program({"print", model, "x", "--json", "--slice", ":,7"}).out);
  CHECK(column["tensors"][0]["values"] == Json(std::vector<int>(1000, 7)));
  const std::string full = run_program({"print", model, "x", "--full"}).out;
  CHECK(std::count(full.begin(), full.end(), ',') >= 99'999);
}

// SHA-256 of the bytes 61 62, and of the line "x NUL uint8 NUL 2 NUL that LF", made with sha256sum
TEST_CASE("hash gives known sums, the same at any number of threads") {
  TempFolder folder;
  const std::string model =
      write_model(folder, R"({"name": "x", "dtype": "uint8", "shape": [2], "file": "w.bin"})",
                  {{"w.bin", "ab"}});
  const std::string sum = "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603";
  const std::string digest = "2d766ec45dda973681420555a5033b69bdc57b71c32859c85434588e69d6e953";
  CHECK(run_program({"hash", model}).out == sum + "  x\ndigest " + digest + "\n");
  CHECK(run_program({"hash", model, "-q"}).out == digest + "\n");
  const Json document = Json::parse(run_program({"hash", model, "--json"}).out);
  const Json want = {
      {"tensors", {{{"name", "x"}, {"dtype", "uint8"}, {"shape", {2}}, {"sha256", sum}}}},
      {"digest", digest}};
  CHECK(document == want);
  const std::string many = small_model(folder);
  CHECK(run_program({"hash", many, "-j", "1"}).out == run_program({"hash", many, "-j", "8"}).out);
}

TEST_CASE("hash tells a damaged tensor, and goes on with the others") {
  TempFolder folder;
  const std::string model = write_model(
      folder,
      R"({"name": "bad", "dtype": "uint8", "shape": [2], "file": "w.bin", "sha256": ")" +
          std::string(64, '0') +
          R"("}, {"name": "good", "dtype": "uint8", "shape": [2], "file": "w.bin"})",
      {{"w.bin", "ab"}});
  const Result result = run_program({"hash", model, "--json"});
  check_error(result, 3, "corrupt.");
  const Json document = Json::parse(result.out);
  CHECK(document["digest"].is_null());
  CHECK(document["tensors"][0].contains("problem"));
  CHECK(document["tensors"][1].contains("sha256"));
}

TEST_CASE("formats lists what can be read and written") {
  const Result table = run_program({"formats"});
  CHECK(table.code == 0);
  for (const char* name : {"raw", "npy", "onnx", "hdf5", "tensorflow"})
    CHECK(has(table.out, std::string("\n") + name));
  CHECK(has(run_program({"formats", "npy"}).out, "bfloat16"));
  const Json document = Json::parse(run_program({"formats", "--json"}).out);
  CHECK(document["formats"].size() >= 5);
  check_error(run_program({"formats", "onyx"}), 2, "usage.unknown_format");
}

TEST_CASE("convert says in one line what was done") {
  TempFolder folder;
  const Result result =
      run_program({"convert", small_model(folder), folder.path("out/"), "--to", "npy"});
  CAPTURE(result.err);
  CHECK(result.code == 0);
  CHECK(has(result.out, "out/: 3 tensors, 44 bytes in "));
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') == 1);
  CHECK(run_program({"convert", small_model(folder), folder.path("quiet/"), "--to", "npy", "-q"})
            .out.empty());
}

TEST_CASE("convert carries the weights: the digest stays") {
  TempFolder folder;
  const std::string model = small_model(folder);
  REQUIRE(run_program({"convert", model, folder.path("copy"), "--to", "raw"}).code == 0);
  const std::string digest = run_program({"hash", model, "-q"}).out;
  CHECK(digest.size() == 65);
  CHECK(run_program({"hash", folder.path("copy"), "-q"}).out == digest);
}

TEST_CASE("an output that exists stays as it is without --overwrite") {
  TempFolder folder;
  const std::string model = small_model(folder);
  folder.write("out.npy", "precious");
  const Words words = {"convert", model, folder.path("out.npy"), "--include", "step"};
  check_error(run_program(words), 7, "output.exists");
  CHECK(folder.read("out.npy") == "precious");
  Words again = words;
  again.push_back("--overwrite");
  CHECK(run_program(again).code == 0);
  CHECK(folder.read("out.npy").starts_with("\x93NUMPY"));
}

TEST_CASE("a dry run writes nothing") {
  TempFolder folder;
  const std::string model = small_model(folder);
  const Result result =
      run_program({"convert", model, folder.path("out/"), "--to", "npy", "--dry-run"});
  CHECK(result.code == 0);
  CHECK(has(result.out, "dense/kernel"));
  CHECK(folder.names() == Words{"model"});
}

TEST_CASE("no tensor selected is an error, and nothing is written") {
  TempFolder folder;
  const std::string model = small_model(folder);
  check_error(
      run_program({"convert", model, folder.path("out/"), "--to", "npy", "--include", "nothing"}),
      2, "usage.");
  CHECK(folder.names() == Words{"model"});
}

TEST_CASE("salvage leaves damaged tensors out and exits 3") {
  TempFolder folder;
  const std::string model =
      write_model(folder,
                  R"({"name": "short", "dtype": "uint8", "shape": [9], "file": "w.bin"},)"
                  R"({"name": "good", "dtype": "uint8", "shape": [2], "file": "w.bin"})",
                  {{"w.bin", "ab"}});
  check_error(run_program({"convert", model, folder.path("out/"), "--to", "npy"}), 3, "corrupt.");
  CHECK(folder.names() == Words{"model"});
  const Result result =
      run_program({"convert", model, folder.path("out/"), "--to", "npy", "--salvage"});
  CHECK(result.code == 3);
  CHECK(has(result.err, "left out, damaged: short"));
  CHECK(has(result.out, "1 tensor, 2 bytes"));
}

TEST_CASE("what cannot be opened or is unknown says so") {
  TempFolder folder;
  folder.write("junk", "certainly no model");
  check_error(run_program({"ls", folder.path("absent")}), 6, "input.");
  check_error(run_program({"ls", folder.path("junk")}), 4, "unsupported.");
  check_error(run_program({folder.path("absent")}), 6, "input.");
  CHECK(has(run_program({"ls", folder.path("absent")}).err, "absent"));
}

TEST_CASE("standard output that cannot be written is an error, a closed pipe is silent") {
  TempFolder folder;
  const std::string model = small_model(folder);
  check_error(run_program({"ls", model}, {.out_path = "/dev/full"}), 7, "output.stdout");
  const Result closed = run_program({"ls", model}, {.close_early = true});
  CHECK(closed.code == 128 + SIGPIPE);
  CHECK(closed.err.empty());
}

TEST_CASE("a signal ends a conversion by that signal and leaves nothing behind") {
  TempFolder folder;
  const std::string model = write_model(
      folder, R"({"name": "x", "dtype": "uint8", "shape": [1073741824], "file": "w.bin"})",
      {{"w.bin", ""}});
  std::filesystem::resize_file(folder.path("model/w.bin"), 1073741824);
  for (const int delay : {1, 20, 60}) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
      const Result result =
          run_program({"convert", model, folder.path("out/"), "--to", "npy", "-j", "1"},
                      {.signal = signal, .signal_after_ms = delay});
      CAPTURE(result.err);
      CHECK(result.code == 128 + signal);
      CHECK(folder.names() == Words{"model"});
    }
  }
}

TEST_CASE("operands that begin with a dash stand behind --") {
  TempFolder folder;
  const std::string model =
      write_model(folder, R"({"name": "-x", "dtype": "uint8", "shape": [1], "file": "w.bin"})",
                  {{"w.bin", "a"}});
  CHECK(run_program({"print", "--", model, "-x"}).out == "-x: uint8 [1]\n[97]\n");
  check_error(run_program({"print", model, "-x"}), 2, "usage.unknown_option");
}
