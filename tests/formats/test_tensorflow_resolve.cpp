// All the ways to name a checkpoint, and what is not one.
#include <doctest/doctest.h>

#include <filesystem>

#include "error_id.h"
#include "formats/tensorflow_read.h"
#include "formats/tensorflow_v1.h"
#include "temp_folder.h"
#include "tensorflow/state_file.h"

namespace tensorferry {
Format make_tensorflow_format();
}

using namespace tensorferry;
using namespace tensorflow_test;
using tensorferry::tensorflow::parse_state_file;

namespace {

/// A checkpoint whose only tensor "t" holds `text`.
Files checkpoint(const std::string& prefix, const std::string& text = "good") {
  Bundle bundle;
  bundle.add("t", 4, {static_cast<std::int64_t>(text.size())}, text);
  return bundle.files(prefix);
}

Files operator+(Files files, const Files& more) {
  files.insert(more.begin(), more.end());
  return files;
}

Files state(const std::string& text) { return {{"checkpoint", text}}; }

/// What a path leads to: the text of "t", or the identifier of the error.
std::string outcome(const std::string& path, const Files& files) {
  std::string text;
  const std::string id = error_id([&] { text = bytes_of(read_files(files, path).at("t")); });
  return id == "no error" ? text : id;
}

/// The same with detection by content, as the program does it.
std::string detected(const std::string& path, const Files& files) {
  Registry registry;
  registry.add(make_tensorflow_format());
  const std::string id = error_id([&] { registry.detect(Input::memory(path, files)); });
  return id == "no error" ? outcome(path, files) : id;
}

constexpr const char* kNothing = "unsupported.unknown_format";

}  // namespace

TEST_CASE("tensorflow: a checkpoint is found by prefix, index, data file, meta and folder") {
  const Files files =
      checkpoint("model.ckpt-7") + Files{{"model.ckpt-7.meta", "graph"}, {"readme", ""}};
  for (const char* path : {"model.ckpt-7", "model.ckpt-7.index", "model.ckpt-7.data-00000-of-00001",
                           "model.ckpt-7.meta", ""}) {
    CAPTURE(path);
    CHECK(detected(path, files) == "good");
  }
  CHECK(detected("readme", files) == kNothing);
}

TEST_CASE("tensorflow: the start of a name is answered with the whole ones") {
  const Files one = checkpoint("model.ckpt-7");
  CHECK(detected("model.ckpt", one) == "input.missing");
  CHECK(error_message([&] { read_files(one, "model.ckpt"); }).find("model.ckpt-7?") !=
        std::string::npos);
  CHECK(detected("model.ckpt", one + checkpoint("model.ckpt-8")) == "usage.ambiguous");
  CHECK(detected("model.ckpt", {{"model.ckpt-1", v1_file({{"t", "old"}})}}) == "input.missing");
}

TEST_CASE("tensorflow: a data file of another save leads to the checkpoint, with a note") {
  const Files files = checkpoint("m") + Files{{"m.data-00001-of-00002", "stale"}};
  CHECK(detected("m.data-00001-of-00002", files) == "good");
  CHECK(has_note(read_files(files, "m.data-00001-of-00002"), "tensorflow.stale_shards"));
  CHECK_FALSE(has_note(read_files(files, "m.data-00000-of-00001"), "tensorflow.stale_shards"));
}

TEST_CASE("tensorflow: names are literal, no globs") {
  const Files files = checkpoint("ck[1]*?") + checkpoint("ck1", "wrong");
  for (const char* path : {"ck[1]*?", "ck[1]*?.index"}) CHECK(detected(path, files) == "good");
}

TEST_CASE("tensorflow: the variables of a SavedModel are found from its folder and its graph") {
  const Files files = checkpoint("variables/variables") + Files{{"saved_model.pb", "graph"}};
  CHECK(detected("", files) == "good");
  CHECK(detected("saved_model.pb", files) == "good");
  CHECK(has_note(read_files(files, ""), "tensorflow.chosen"));
  CHECK(detected("", {{"saved_model.pb", "graph"}}) == "corrupt.message");
  const std::string node = field(1, field(1, "v") + field(2, "VariableV2"));
  CHECK(detected("", {{"saved_model.pb", field(2, field(2, node))}}) == "input.missing");
}

TEST_CASE("tensorflow: an index that was renamed is known by its content") {
  Files files = {{"weights", checkpoint("m").at("m.index")}};
  CHECK(detected("weights", files) == "input.missing");
  files["weights.data-00000-of-00001"] = "good";
  CHECK(detected("weights", files) == "good");
  Bundle bundle;
  bundle.add("t", 4, {4}, "good");
  Files snappy = bundle.files("m", {.snappy = true});
  CHECK(detected("x", {{"x", snappy.at("m.index")}, {"x.data-00000-of-00001", "good"}}) == "good");
}

TEST_CASE("tensorflow: a missing index is named, from a data file too") {
  Files files = checkpoint("m");
  files.erase("m.index");
  for (const char* path : {"m", "m.data-00000-of-00001"}) {
    CHECK(detected(path, files) == "input.missing");
    CHECK(error_of([&] { read_files(files, path); })->file() == "m.index");
  }
}

TEST_CASE("tensorflow: the file `checkpoint` says which one is read") {
  const Files two = checkpoint("ckpt-3", "old") + checkpoint("ckpt-4", "new");
  struct Case {
    const char* what;
    std::string text, expected;
  };
  const std::string all = "all_model_checkpoint_paths: \"ckpt-3\"\n";
  const Case cases[] = {
      {"as TensorFlow writes it",
       "model_checkpoint_path: \"ckpt-3\"\n" + all +
           "all_model_checkpoint_timestamps: 1795445876.768099\nlast_preserved_timestamp: 1e9\n",
       "old"},
      {"single quotes, comments, separators",
       "# comment\nmodel_checkpoint_path : 'ckpt-3' ; # more\nall_model_checkpoint_paths: [ \"a\" "
       ", 'b' ],",
       "old"},
      {"adjacent strings", "model_checkpoint_path: \"ck\" 'pt'\n \"-3\"", "old"},
      {"escapes", "model_checkpoint_path: \"\\143kp\\x74-\\063\"", "old"},
      {"here", "model_checkpoint_path: \"./ckpt-3\"", "old"},
      {"moved, absolute", "model_checkpoint_path: \"/gone/run/ckpt-3\"", "old"},
      {"moved, relative", "model_checkpoint_path: \"run//ckpt-3\"", "old"},
      {"moved, Windows", "model_checkpoint_path: \"C:\\\\run\\\\ckpt-3\"", "old"},
      {"moved, a store", "model_checkpoint_path: \"gs://bucket/ckpt-3\"", "old"},
      {"gone, with a list",
       "model_checkpoint_path: \"ckpt-9\" " + all + "all_model_checkpoint_paths: \"ckpt-9\"",
       "old"},
      {"gone, and nothing tells", "model_checkpoint_path: \"ckpt-9\"", "usage.ambiguous"},
      {"empty", "", "usage.ambiguous"},
      {"an empty path", "model_checkpoint_path: \"\"", "usage.ambiguous"},
      {"malformed", "model_checkpoint_path \"ckpt-3\"", "usage.ambiguous"},
      {"an unknown field", "model_checkpoint_path: \"ckpt-3\" more: 1", "usage.ambiguous"},
      {"out of the folder", "model_checkpoint_path: \"../ckpt-3\"", "unsafe.path"},
      {"out of the folder, in the middle", "model_checkpoint_path: \"a/../../ckpt-3\"",
       "unsafe.path"},
  };
  for (const Case& test : cases) {
    CAPTURE(test.what);
    CHECK(outcome("", two + state(test.text)) == test.expected);
    CHECK(outcome("checkpoint", two + state(test.text)) == test.expected);
  }
  CHECK(detected("", two + state(cases[0].text)) == "old");
  CHECK(detected("checkpoint", two + state(cases[0].text)) == "old");
  CHECK(detected("latest", two + Files{{"latest", cases[0].text}}) == "old");
  CHECK(detected("checkpoint", state("{\"not\": \"ours\"}")) == kNothing);
}

TEST_CASE("tensorflow: a choice that the file `checkpoint` did not make is noted") {
  const Files one = checkpoint("ckpt-3");
  CHECK(has_note(read_files(one + state("model_checkpoint_path: \"ckpt-3\""), ""),
                 "tensorflow.chosen"));
  CHECK(has_note(read_files(one + state("model_checkpoint_path: \"/x/ckpt-3\""), ""),
                 "tensorflow.moved_checkpoint"));
  CHECK(has_note(read_files(one + state("model_checkpoint_path: \"ckpt-9\""), ""),
                 "tensorflow.stale_state_file"));
  CHECK(has_note(read_files(one + state("?"), ""), "tensorflow.bad_state_file"));
}

TEST_CASE("tensorflow: a `checkpoint` file that leads nowhere is an error of its kind") {
  CHECK(outcome("", state("model_checkpoint_path: \"ckpt-9\"")) == "input.missing");
  CHECK(outcome("", state("model_checkpoint_path: \"/etc/passwd\"")) == "unsafe.path");
  CHECK(outcome("", state("model_checkpoint_path: 3")) == "corrupt.state_file");
  CHECK(outcome("", {{"other", ""}}) == "input.missing");
}

TEST_CASE("tensorflow: with a stale `checkpoint` file the index that was written last is taken") {
  TempFolder folder;
  const auto write = [&](const Files& files) {
    for (const auto& [name, bytes] : files) folder.write(name, bytes);
  };
  write(checkpoint("ckpt-3", "new") + checkpoint("ckpt-4", "old") +
        state("model_checkpoint_path: \"ckpt-9\""));
  const auto now = std::filesystem::last_write_time(folder.path() / "ckpt-3.index");
  std::filesystem::last_write_time(folder.path() / "ckpt-4.index", now - std::chrono::hours(1));
  const Manifest manifest = read_input(Input::open(folder.path()));
  CHECK(bytes_of(manifest.at("t")) == "new");
  CHECK(has_note(manifest, "tensorflow.stale_state_file"));
  std::filesystem::last_write_time(folder.path() / "ckpt-4.index", now);
  CHECK(error_id([&] { read_input(Input::open(folder.path())); }) == "usage.ambiguous");
}

TEST_CASE("tensorflow: several checkpoints and nothing that tells are listed") {
  const Files files = checkpoint("a") + checkpoint("b") + Files{{"c.index.tempstate123", ""}};
  CHECK(detected("", files) == "usage.ambiguous");
  const std::string message = error_message([&] { read_files(files, ""); });
  CHECK(message.find("a, b") != std::string::npos);
  CHECK(message.find("tempstate") == std::string::npos);
}

TEST_CASE("tensorflow: a V1 checkpoint is found as a V2 one is, which wins beside it") {
  const auto v1 = [](const std::string& text) { return v1_file({{"t", text}}); };
  const Files old = {{"m", v1("old")}};
  CHECK(detected("m", old) == "old");
  CHECK(detected("m", old + checkpoint("m")) == "good");
  CHECK(detected("m.meta", old + Files{{"m.meta", "graph"}}) == "old");
  CHECK(detected("m.index", {{"m.index", v1("old")}}) == "old");
  const Files model = {{"model.ckpt-1", v1("old")}};
  CHECK(detected("", model) == "old");
  CHECK(detected("", model + checkpoint("model.ckpt-1")) == "good");
  CHECK(detected("", model + Files{{"model.ckpt-2", v1("new")}}) == "usage.ambiguous");
  CHECK(detected("", model + checkpoint("other")) == "usage.ambiguous");
  CHECK(detected("", old + state("model_checkpoint_path: \"m\"")) == "old");
  CHECK(detected("", old + state("model_checkpoint_path: \"/gone/m\"")) == "old");
  CHECK(outcome("", Files{{"a/m", v1("deep")}} + state("model_checkpoint_path: \"a/m\"")) ==
        "deep");
}

TEST_CASE("tensorflow: V1 files of one number are a checkpoint") {
  const std::string t = v1_file({{"t", "good"}}), u = v1_file({{"u", "more"}}),
                    stale = v1_file({{"t", "gone"}});
  const Files set = {{"m-00000-of-00002", t}, {"m-00001-of-00002", u}};
  const std::string glob =
      "m-????"
      "?-of-00002";
  for (const char* path : {"m", "m-00000-of-00002", "m-00001-of-00002", ""}) {
    CAPTURE(path);
    CHECK(detected(path, set) == "good");
    CHECK(read_files(set, path).tensors.size() == 2);
  }
  CHECK(detected("checkpoint", set + state("model_checkpoint_path: \"" + glob + "\"")) == "good");
  CHECK(detected("", set + state("model_checkpoint_path: \"/gone/" + glob + "\"")) == "good");
  CHECK(detected("m-00000-of-00002", set + checkpoint("m", "v2")) == "v2");
  CHECK(detected("m", set + Files{{"m-00000-of-00003", stale}}) == "good");
  CHECK(has_note(read_files(set + Files{{"m-00000-of-00003", stale}}), "tensorflow.stale_shards"));
  CHECK(detected("m", set + Files{{"m-00000-of-00001", stale}}) == "usage.ambiguous");
  CHECK(detected("m-00000-of-00001", set + Files{{"m-00000-of-00001", stale}}) == "gone");
  CHECK(detected("m", {{"m-00000-of-00002", "notes"}, {"m-00001-of-00002", "notes"}}) == kNothing);
  CHECK(detected("m", {{"m-00000-of-00001", "version https://git-lfs.github.com/spec/v1\n"}}) ==
        "corrupt.lfs_pointer");
  const Manifest part = read_files({{"m-00000-of-00002", t}});
  CHECK(problem_of(part.at("m-00001-of-00002")) == "input.missing");
  CHECK(bytes_of(part.at("t")) == "good");
  CHECK(outcome("m", {{"m-00000-of-99999", t}}) == "input.missing");
}

TEST_CASE("tensorflow: what is no checkpoint is not claimed, whatever its name") {
  for (const std::string& bytes :
       {hex("80 02 8a 0a 6c fc 9c 46 f9 20 6a a8 50 19 2e"), std::string("PK\x03\x04 zip"),
        std::string("text"), std::string(), table({{"a", "another program's table"}}),
        hex("57 fb 80 8b 24 75 47 db")}) {
    CHECK(detected("model.ckpt", {{"model.ckpt", bytes}}) == kNothing);
  }
  CHECK(detected("faiss.index", {{"faiss.index", "IxFI and so on"}}) == kNothing);
  CHECK(detected("", {{"faiss.index", "IxFI and so on"}, {"checkpoint", "notes"}}) == kNothing);
}

TEST_CASE("tensorflow: a damaged index is still seen as one") {
  const Files good = checkpoint("m");
  const std::string index = good.at("m.index");
  const auto damaged = [&](const std::string& bytes) {
    Files files = good;
    files["m.index"] = bytes;
    return detected("m.index", files);
  };
  CHECK(damaged("") == "corrupt.truncated");
  CHECK(damaged(index.substr(0, 30)) == "corrupt.truncated");
  CHECK(damaged(index.substr(0, index.size() - 1)) == "corrupt.magic");
  CHECK(damaged(std::string(500, '\0')) == "corrupt.magic");
  CHECK(damaged("version https://git-lfs.github.com/spec/v1\noid") == "corrupt.lfs_pointer");
  CHECK(detected("m.index", {{"m.index", "version https://git-lfs.github.com/spec/v1\n"}}) ==
        "corrupt.lfs_pointer");
  CHECK(detected("m.index", {{"m.index", index.substr(0, 60)}}) == "corrupt.magic");
  CHECK(detected("m.index", {{"m.index", ""}}) == "corrupt.truncated");
}

TEST_CASE("tensorflow: text that is nearly a state file is malformed") {
  const std::string start = "model_checkpoint_path: ";
  for (const char* value :
       {"\"a", "\"a\nb\"", "'a\"", "\"\\q\"", "\"\\", "\"\\x\"", "\"\\400\"", "a", "[\"a\"]",
        "\"a\" model_checkpoint_path: \"b\"", "\"a\",, ",
        "\"a\" all_model_checkpoint_paths: [\"b\"",
        "\"a\" all_model_checkpoint_paths: [\"b\" \"c\", ]", "\"a\" last_preserved_timestamp: "}) {
    CAPTURE(value);
    CHECK_FALSE(parse_state_file(start + value));
  }
  const auto state_file =
      parse_state_file(start + "\"\\a\\b\\f\\n\\r\\t\\v\\\\\\'\\\"\\?\\0\\377\\xff\"");
  REQUIRE(state_file);
  CHECK(state_file->newest == std::string("\a\b\f\n\r\t\v\\'\"?\0\xff\xff", 14));
  const auto lists =
      parse_state_file("all_model_checkpoint_paths: [] all_model_checkpoint_paths: ['a', 'b']");
  REQUIRE(lists);
  CHECK(lists->all == std::vector<std::string>{"a", "b"});
}
