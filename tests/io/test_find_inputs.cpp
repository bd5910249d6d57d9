#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "error_id.h"
#include "temp_folder.h"
#include "tensorferry/batch.h"
#include "tensorferry/tensorferry.h"

using namespace tensorferry;

namespace {

using Names = std::vector<std::string>;

// NumPy format 1.0: magic, version, length of the header, header
const std::string kNpy = [] {
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }";
  header.resize(117, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "xy";
}();

std::string manifest(const std::string& file) {
  return R"({"tensorferry":1,"tensors":[{"name":"t","dtype":"uint8","shape":[2],"file":")" + file +
         "\"}]}";
}

/// "path>stem" of each.
Names found(const TempFolder& folder, const ReadOptions& options = {},
            const std::filesystem::path& leave_out = {}) {
  Names names;
  for (const FoundInput& input : find_inputs(folder.path(), {options, leave_out}).inputs)
    names.push_back(input.path.string() + ">" + input.stem);
  return names;
}

Names others(const TempFolder& folder) {
  Names names;
  for (const auto& path : find_inputs(folder.path()).others) names.push_back(path.string());
  return names;
}

}  // namespace

TEST_CASE("files are found by content, sorted, hidden ones left out") {
  TempFolder folder;
  for (const char* name : {"b.npy", "a/deep/c.NPY", "a.b/noext", "z", ".hidden/x.npy", ".x.npy"})
    folder.write(name, kNpy);
  folder.write("a/notes.txt", "text");
  folder.write("out/done.npy", kNpy);
  CHECK(found(folder, {}, folder / "out") ==
        Names{"a/deep/c.NPY>a/deep/c", "a.b/noext>a.b/noext", "b.npy>b", "z>z"});
  CHECK(others(folder) == Names{"a/notes.txt"});
}

TEST_CASE("a manifest and the files that it names are one input, called by their folder") {
  TempFolder folder;
  folder.write("m/a.npy", kNpy);  // comes before the manifest that names it
  folder.write("m/manifest.json", manifest("a.npy"));
  folder.write("n/manifest.json", manifest("w.bin"));
  folder.write("n/w.bin", "xy");
  folder.write("n/alone.npy", kNpy);
  folder.write("n/other.bin", "xy");
  CHECK(found(folder) == Names{"m>m", "n>n", "n/alone.npy>n/alone"});
  CHECK(others(folder) == Names{"n/other.bin"});
}

TEST_CASE("two models that share a file are two inputs") {
  TempFolder folder;
  folder.write("one.json", manifest("w.bin"));
  folder.write("two.json", manifest("w.bin"));
  folder.write("w.bin", "xy");
  CHECK(found(folder) == Names{"one.json>one.json", "two.json>two.json"});
}

TEST_CASE("a file that only points to another input is none") {
  TempFolder folder;
  std::filesystem::copy(std::filesystem::path(TENSORFERRY_SOURCE_DIR) / "samples/trained_model",
                        folder / "run", std::filesystem::copy_options::recursive);
  CHECK(found(folder) == Names{"run/model.ckpt-300>run/model.ckpt-300"});
}

TEST_CASE("links to files are inputs, links to folders are not followed") {
  TempFolder folder;
  folder.write("a/x.npy", kNpy);
  std::filesystem::create_symlink("x.npy", folder / "a/link.npy");
  std::filesystem::create_hard_link(folder / "a/x.npy", folder / "a/same.npy");
  std::filesystem::create_directory_symlink("a", folder / "b");
  CHECK(found(folder) == Names{"a/link.npy>a/link", "a/same.npy>a/same", "a/x.npy>a/x"});
}

TEST_CASE("what cannot be read is an input, and the job says why") {
  TempFolder folder;
  folder.write("cut.npy", kNpy.substr(0, 40));
  folder.write("ck.index", "");
  CHECK(found(folder) == Names{"ck.index>ck", "cut.npy>cut"});
}

TEST_CASE("another content under the name of a model is an input, under another name it is not") {
  TempFolder folder;
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
  folder.write("empty.npz", "");
  folder.write("pointer.onnx", pointer);
  folder.write("pointer.png", pointer);
  folder.write("text.SAFETENSORS", "text");
  std::filesystem::create_symlink("gone", folder / "link.npy");
  std::filesystem::create_symlink("gone", folder / "link.txt");
  CHECK(found(folder) ==
        Names{"empty.npz>empty", "link.npy>link", "pointer.onnx>pointer", "text.SAFETENSORS>text"});
  CHECK(others(folder) == Names{"pointer.png"});
}

TEST_CASE("the search tells how far it is, and can be cancelled") {
  TempFolder folder;
  for (const char* name : {"a.npy", "b.npy", "c.txt"}) folder.write(name, kNpy);
  std::vector<std::size_t> told;
  std::atomic<bool> cancel{false};
  FindOptions options;
  options.cancel = &cancel;
  options.progress = [&](std::size_t done, std::size_t files) {
    CHECK(files == 3);
    told.push_back(done);
    cancel = done == 2;
  };
  CHECK(error_id([&] { find_inputs(folder.path(), options); }) == "input.cancelled");
  CHECK(told == std::vector<std::size_t>{1, 2});
}

TEST_CASE("a search with a limit lists no more than that") {
  TempFolder folder;
  for (int i = 0; i < 9; ++i) folder.write("a" + std::to_string(i) + ".npy", kNpy);
  folder.write("deep/b.npy", kNpy);
  std::size_t files = 0;
  FindOptions options;
  options.most_entries = 4;
  options.progress = [&](std::size_t, std::size_t all) { files = all; };
  CHECK(find_inputs(folder.path(), options).inputs.size() == files);
  CHECK(files >= 3);
  CHECK(files <= 4);
  options.most_entries = 1000;
  CHECK(find_inputs(folder.path(), options).inputs.size() == 10);
}

TEST_CASE("with a format given every file is of that format") {
  TempFolder folder;
  folder.write("a.bin", "xy");
  folder.write("b.txt", "zz");
  const ReadOptions options{"raw", {{"dtype", "uint8"}, {"shape", "2"}}, {}};
  CHECK(found(folder, options) == Names{"a.bin>a.bin", "b.txt>b.txt"});
}

TEST_CASE("a folder that is not there is an input error") {
  TempFolder folder;
  CHECK(error_id([&] { find_inputs(folder / "none"); }) == "input.folder");
}
