// Inputs, and the rules by which files named in untrusted bytes are opened.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "error_id.h"
#include "temp_folder.h"
#include "tensorferry/error.h"
#include "tensorferry/input.h"

using namespace tensorferry;
namespace fs = std::filesystem;

namespace {

// Made before anything of the library, and so destroyed after it.
std::vector<std::shared_ptr<const File>> kept_until_exit;

}  // namespace

TEST_CASE("an input is a file, a folder, or a prefix that files share") {
  TempFolder folder;
  folder.write("model.ckpt.index", "i");
  folder.write("model.ckpt.data-00000-of-00001", "d");
  CHECK(Input::open(folder / "model.ckpt.index").kind() == Input::Kind::file);
  CHECK(Input::open(folder.path()).kind() == Input::Kind::directory);
  const Input prefix = Input::open(folder / "model.ckpt");
  CHECK(prefix.kind() == Input::Kind::prefix);
  CHECK(prefix.leaf() == "model.ckpt");
  CHECK(prefix.sibling("model.ckpt.index")->read_string(0, 1) == "i");
  CHECK(error_id([&] { Input::open(folder / "mod"); }) == "input.missing");
  CHECK(error_id([&] { prefix.file(); }) == "input.not_a_file");
}

TEST_CASE("devices and files of the kernel are refused, and a FIFO beside a model does not hang") {
  TempFolder folder;
  REQUIRE(mkfifo((folder / "fifo").c_str(), 0600) == 0);
  CHECK(error_id([&] { Input::open(folder.path()).sibling("fifo"); }) == "input.special_file");
  CHECK(error_id([] { Input::open("/dev/zero"); }) == "input.special_file");
  CHECK(error_id([] { Input::open("/proc/self/status"); }) == "input.special_file");
}

TEST_CASE("a FIFO that is named is read to its end, in memory or through a temporary file") {
  TempFolder folder;
  REQUIRE(mkfifo((folder / "fifo").c_str(), 0600) == 0);
  std::string bytes(3u << 20, 'x');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * i >> 7);
  for (const std::uint64_t memory : {std::uint64_t{0}, std::uint64_t{1} << 30}) {
    CAPTURE(memory);
    std::thread writer([&] { std::ofstream(folder / "fifo") << bytes; });
    const Input input = Input::open(folder / "fifo", {.spool_memory = memory});
    writer.join();
    REQUIRE(input.file()->size() == bytes.size());
    CHECK(input.file()->read_string(0, bytes.size()) == bytes);
    CHECK(input.is_stream());
    CHECK(error_id([&] { input.file()->read_string(bytes.size(), 1); }) == "corrupt.truncated");
    CHECK(error_id([&] { input.sibling("x"); }) == "input.single_file");
    CHECK(input.list().empty());
  }
}

TEST_CASE("links are followed anywhere on demand, and never names in files") {
  TempFolder folder;
  folder.write("store/one", "1");
  folder.write("outside", "2");
  fs::create_directories(folder / "model");
  fs::create_symlink("../outside", folder / "model/link");
  fs::create_symlink("../store/one", folder / "model/index");
  const Input strict = Input::open(folder / "model");
  CHECK(error_id([&] { strict.sibling("link"); }) == "unsafe.link_leaves_folder");
  CHECK(strict.main_file("index")->read_string(0, 1) == "1");
  CHECK(error_id([&] { strict.sibling("link"); }) == "unsafe.link_leaves_folder");
  CHECK(strict.sibling("one")->read_string(0, 1) == "1");  // beside the target of the index
  const Input free = Input::open(folder / "model", {.follow_links = true});
  CHECK(free.sibling("link")->read_string(0, 1) == "2");
  CHECK(error_id([&] { free.sibling("../outside"); }) == "unsafe.path");
}

TEST_CASE("a sibling's name may not leave the folder") {
  TempFolder folder;
  folder.write("model/index", "x");
  folder.write("outside", "secret");
  fs::create_symlink("../outside", folder / "model/link");
  fs::create_symlink(folder / "outside", folder / "model/absolute_link");
  fs::create_symlink("index", folder / "model/inner_link");
  const Input input = Input::open(folder / "model/index");
  for (const char* name : {"../outside", "/etc/passwd", "a/../../outside", "..", "", "a\\b"}) {
    CAPTURE(name);
    CHECK(error_id([&] { input.sibling(name); }) == "unsafe.path");
  }
  CHECK(error_id([&] { input.sibling(std::string_view("a\0b", 3)); }) == "unsafe.path");
  CHECK(error_id([&] { input.sibling("link"); }) == "unsafe.link_leaves_folder");
  CHECK(error_id([&] { input.sibling("absolute_link"); }) == "unsafe.link_leaves_folder");
  CHECK(error_id([&] { input.sibling("absent"); }) == "input.missing");
  CHECK(input.sibling("inner_link")->read_string(0, 1) == "x");
}

TEST_CASE("a download cache, where the model and its siblings are links into one folder, works") {
  TempFolder folder;
  folder.write("models/blobs/aaa", "index");
  folder.write("models/blobs/bbb", "data");
  fs::create_directories(folder / "models/snapshots/rev/sub");
  fs::create_symlink("../../blobs/aaa", folder / "models/snapshots/rev/m.index");
  fs::create_symlink("../../blobs/bbb", folder / "models/snapshots/rev/m.data");
  fs::create_symlink("../../../blobs/bbb", folder / "models/snapshots/rev/sub/m.data");
  for (const char* name :
       {"models/snapshots/rev/m.index", "models/snapshots/rev/m", "models/snapshots/rev"}) {
    CAPTURE(name);
    const Input input = Input::open(folder / name);
    CHECK(input.sibling("m.data")->read_string(0, 4) == "data");
    CHECK(input.sibling("sub/m.data")->read_string(0, 4) == "data");
  }
}

TEST_CASE("a file that is a link elsewhere brings the siblings beside its target") {
  TempFolder folder;
  folder.write("store/one", "1");
  folder.write("store/two", "2");
  folder.write("elsewhere", "3");
  fs::create_directories(folder / "model");
  fs::create_symlink("../store/one", folder / "model/main");
  fs::create_symlink("../store/two", folder / "model/other");
  fs::create_symlink("../elsewhere", folder / "model/escape");
  const Input input = Input::open(folder / "model/main");
  CHECK(input.sibling("other")->read_string(0, 1) == "2");
  CHECK(error_id([&] { input.sibling("escape"); }) == "unsafe.link_leaves_folder");
}

TEST_CASE("reading past the end and files that change are told apart") {
  TempFolder folder;
  const fs::path path = folder.write("file", "0123456789");
  auto file = Input::open(path).file();
  CHECK(error_id([&] { file->read_string(8, 3); }) == "corrupt.truncated");
  CHECK(error_id([&] { file->read_string(~std::uint64_t{0}, 2); }) == "corrupt.truncated");
  CHECK(file->read_string(8, 2) == "89");
  CHECK(error_id([&] { file->check_unchanged(); }) == "no error");
  fs::resize_file(path, 4);
  CHECK(error_id([&] { file->read_string(2, 8); }) == "input.changed");
  CHECK(error_id([&] { file->check_unchanged(); }) == "input.changed");
}

TEST_CASE("more files than a process may have open can be read in any order") {
  TempFolder folder;
  constexpr int kFiles = 600;
  for (int i = 0; i < kFiles; ++i) folder.write("f" + std::to_string(i), std::to_string(i));
  const Input input = Input::open(folder.path());
  std::vector<std::shared_ptr<const File>> files;
  for (int i = 0; i < kFiles; ++i) files.push_back(input.sibling("f" + std::to_string(i)));
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < kFiles; ++i) {
      const auto& file = files[static_cast<std::size_t>(i)];
      CHECK(file->read_string(0, file->size()) == std::to_string(i));
    }
  }
  std::size_t open = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd")) ++open;
  CHECK(open < 400);
  folder.write("another", "x");
  fs::rename(folder / "another", folder / "f0");
  CHECK(error_id([&] { files[0]->read_string(0, 1); }) == "input.changed");
}

// Cause: the list of open files was destroyed while a static object still held one of them. Seen by
// AddressSanitizer, after the last test.
TEST_CASE("a host may hold files until it exits") {
  TempFolder folder;
  folder.write("file", "x");
  kept_until_exit.push_back(Input::open(folder / "file").file());
  CHECK(kept_until_exit.back()->read_string(0, 1) == "x");
}
