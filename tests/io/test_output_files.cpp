// Output appears complete or not at all.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "error_id.h"
#include "io/output_files.h"
#include "io/temporary_name.h"
#include "temp_folder.h"
#include "tensorferry/error.h"
#include "util/npy_header.h"

using namespace tensorferry;
namespace fs = std::filesystem;

namespace {

using Sources = std::vector<std::shared_ptr<const File>>;

void put(OutputFiles& output, std::size_t index, std::string_view text) {
  Descriptor fd = output.open(index);
  write_at(fd, 0, std::as_bytes(std::span(text)), "test");
  output.complete(index, std::move(fd), true);
}

void write_single(const fs::path& path, std::string_view text, bool overwrite,
                  const Sources& sources = {}) {
  OutputFiles output({path, false, {""}, overwrite}, sources);
  put(output, 0, text);
  output.commit(true);
}

constexpr char kManifest[] =
    R"({"tensorferry":1,"tensors":[{"name":"a","dtype":"uint8","shape":[1],"file":"a.npy"}]})";

std::string npy_file() { return npy_header("|u1", {1}) + "a"; }

void write_folder(const fs::path& path, bool overwrite, const Sources& sources = {}) {
  OutputFiles output({path, true, {"a.npy", "manifest.json"}, overwrite}, sources);
  output.prepare_directory();
  put(output, 0, npy_file());
  put(output, 1, kManifest);
  output.commit(true);
}

mode_t mode_of(const fs::path& path) {
  struct stat s {};
  REQUIRE(stat(path.c_str(), &s) == 0);
  return s.st_mode & 07777;
}

}  // namespace

TEST_CASE("a file appears at commit, with the permissions of the umask") {
  TempFolder folder;
  const mode_t old = umask(027);
  {
    OutputFiles output({folder / "out", false, {""}, false}, {});
    put(output, 0, "text");
    CHECK(!fs::exists(folder / "out"));
    output.commit(true);
  }
  umask(old);
  CHECK(read_file(folder / "out") == "text");
  CHECK(mode_of(folder / "out") == 0640);
  CHECK(folder.names() == std::vector<std::string>{"out"});
}

TEST_CASE("nothing is left when there is no commit") {
  TempFolder folder;
  {
    OutputFiles file({folder / "out", false, {"", "out.data"}, false}, {});
    put(file, 0, "text");
    put(file, 1, "text");
    OutputFiles directory({folder / "dir", true, {"a"}, false}, {});
    directory.prepare_directory();
    put(directory, 0, "a");
  }
  CHECK(folder.names().empty());
}

TEST_CASE("an existing file is replaced only when asked, and keeps its mode") {
  TempFolder folder;
  const fs::path path = folder.write("out", "old");
  fs::permissions(path, fs::perms(0604));
  CHECK(error_id([&] { write_single(path, "new", false); }) == "output.exists");
  CHECK(read_file(path) == "old");
  write_single(path, "new", true);
  CHECK(read_file(path) == "new");
  CHECK(mode_of(path) == 0604);
  CHECK(folder.names() == std::vector<std::string>{"out"});
}

TEST_CASE("a file that appears between check and commit is not lost") {
  TempFolder folder;
  OutputFiles output({folder / "out", false, {""}, false}, {});
  put(output, 0, "mine");
  folder.write("out", "theirs");
  CHECK(error_id([&] { output.commit(true); }) == "output.exists");
  CHECK(read_file(folder / "out") == "theirs");
}

TEST_CASE("of two files neither stays when the second cannot be placed") {
  TempFolder folder;
  OutputFiles output({folder / "out", false, {"", "out.data"}, false}, {});
  put(output, 0, "model");
  put(output, 1, "data");
  folder.write("out", "theirs");
  CHECK(error_id([&] { output.commit(true); }) == "output.exists");
  CHECK(folder.names() == std::vector<std::string>{"out"});
  CHECK(read_file(folder / "out") == "theirs");
}

TEST_CASE(
    "the output is never an input: same path, hard link, symbolic link, in a replaced folder") {
  TempFolder folder;
  const fs::path path = folder.write("in", "input");
  fs::create_hard_link(path, folder / "hard");
  fs::create_symlink("in", folder / "soft");
  const Sources sources = {Input::open(path).file()};
  for (const char* name : {"in", "hard", "soft"}) {
    CAPTURE(name);
    CHECK(error_id([&] { write_single(folder / name, "x", true, sources); }) ==
          "output.same_as_input");
  }
  CHECK(read_file(path) == "input");
  write_folder(folder / "dir", false);
  const Sources inside = {Input::open(folder / "dir/a.npy").file()};
  CHECK(error_id([&] { write_folder(folder / "dir", true, inside); }) == "output.same_as_input");
}

TEST_CASE("a folder appears at once, and is replaced only when it holds nothing foreign") {
  TempFolder folder;
  write_folder(folder / "dir", false);
  CHECK(read_file(folder / "dir/a.npy") == npy_file());
  CHECK(error_id([&] { write_folder(folder / "dir", false); }) == "output.exists");
  write_folder(folder / "dir", true);
  folder.write("dir/thesis.tex", "years of work");
  CHECK(error_id([&] { write_folder(folder / "dir", true); }) == "output.foreign_files");
  CHECK(read_file(folder / "dir/thesis.tex") == "years of work");
  folder.write("plain/notes.txt", "mine");
  CHECK(error_id([&] { write_folder(folder / "plain", true); }) == "output.foreign_files");
  fs::create_directory(folder / "empty");
  write_folder(folder / "empty", false);
  CHECK(read_file(folder / "empty/a.npy") == npy_file());
  CHECK(folder.names() == std::vector<std::string>{"dir", "empty", "plain"});
}

TEST_CASE("a missing parent is known before any work") {
  TempFolder folder;
  CHECK(error_id([&] { write_single(folder / "absent/out", "x", false); }) == "output.no_parent");
  folder.write("file", "x");
  CHECK(error_id([&] { write_single(folder / "file/out", "x", false); }) == "output.no_parent");
}

TEST_CASE("a target that is a folder is not replaced by a file") {
  TempFolder folder;
  fs::create_directory(folder / "dir");
  CHECK(error_id([&] { write_single(folder / "dir", "x", true); }) == "output.special_file");
}

TEST_CASE("what a killed process left is found by its name, and removed only when it is gone") {
  TempFolder folder;
  const std::string mine = temporary_name("out.h5");
  folder.write(mine, "being written");
  folder.write(".out.h5.4194305.0123abcv.tmp", "no process has that number");
  folder.write(".out.h5.4194305.0123abcu.tmp/part", "a folder");
  const std::vector<std::string> others = {
      ".out.h5.4194305.0123abcz.tmp", ".out.h5.4194305.0123abc.tmp",   ".out.h5.x.0123abcv.tmp",
      ".out.h5.0123abcv.tmp",         ".out.h55.4194305.0123abcv.tmp", "out.h5"};
  for (const std::string& name : others) folder.write(name, "somebody's");
  remove_leftovers(folder.path(), "out.h5");
  std::vector<std::string> want = others;
  want.push_back(mine);
  std::sort(want.begin(), want.end());
  CHECK(folder.names() == want);
}

TEST_CASE("a manifest that lists what this program did not write does not give it away") {
  TempFolder folder;
  folder.write("dir/manifest.json",
               R"({"tensorferry":1,"tensors":[{"name":"a","dtype":"uint8","shape":[4],)"
               R"("file":"thesis.txt","length":4}]})");
  folder.write("dir/thesis.txt", "work");
  CHECK(error_id([&] { write_folder(folder / "dir", true); }) == "output.foreign_files");
  write_folder(folder / "links", false);
  fs::rename(folder / "links/a.npy", folder / "elsewhere.npy");
  fs::create_symlink("../elsewhere.npy", folder / "links/a.npy");
  CHECK(error_id([&] { write_folder(folder / "links", true); }) == "output.foreign_files");
  CHECK(read_file(folder / "dir/thesis.txt") == "work");
}

TEST_CASE("what appears in a folder while its replacement is made is not lost") {
  TempFolder folder;
  write_folder(folder / "dir", false);
  OutputFiles output({folder / "dir", true, {"a.npy", "manifest.json"}, true}, {});
  output.prepare_directory();
  put(output, 0, npy_file());
  put(output, 1, kManifest);
  folder.write("dir/thesis.txt", "years of work");
  CHECK(error_id([&] { output.commit(true); }) == "output.foreign_files");
  CHECK(read_file(folder / "dir/thesis.txt") == "years of work");
}

TEST_CASE(
    "a folder left in the middle of an exchange is removed, but not what is somebody's in it") {
  TempFolder folder;
  write_folder(folder / "dir", false);
  fs::rename(folder / "dir", folder / ".out.4194305.0123abcv.old");
  write_folder(folder / "dir", false);
  folder.write("dir/thesis.txt", "years of work");
  fs::rename(folder / "dir", folder / ".out.4194305.0123abcu.old");
  write_folder(folder / "out", false);
  // another spelling, since one process looks into a folder at most once a second
  const std::vector<std::string> told = remove_leftovers(folder / ".", "out");
  REQUIRE(told.size() == 1);
  const std::vector<std::string> names = folder.names();
  REQUIRE(names.size() == 2);
  CHECK(names[1].starts_with("out.replaced-"));
  CHECK(told[0].find(names[1]) != std::string::npos);
  CHECK(read_file(folder / names[1] / "thesis.txt") == "years of work");
}

TEST_CASE("a folder that was moved aside comes back where nothing has taken its place") {
  TempFolder folder;
  write_folder(folder / "dir", false);
  fs::rename(folder / "dir", folder / ".out.4194305.0123abcv.old");
  CHECK(remove_leftovers(folder / ".", "out").size() == 1);
  CHECK(folder.names() == std::vector<std::string>{"out"});
  CHECK(fs::exists(folder / "out/a.npy"));
}

TEST_CASE("what comes to stand at the target while a file is written is not lost") {
  TempFolder folder;
  folder.write("out", "old");
  for (const bool is_folder : {false, true}) {
    CAPTURE(is_folder);
    OutputFiles output({folder / "out", false, {""}, true}, {});
    put(output, 0, "new");
    fs::rename(folder / "out", folder / "mine");
    folder.write(is_folder ? "out/thesis.txt" : "out", "years of work");
    CHECK(error_id([&] { output.commit(true); }) == "output.changed");
    CHECK(read_file(folder / (is_folder ? "out/thesis.txt" : "out")) == "years of work");
    fs::remove_all(folder / "out");
    fs::rename(folder / "mine", folder / "out");
  }
  CHECK(folder.names() == std::vector<std::string>{"out"});
}

TEST_CASE("long names that begin alike have journals of their own") {
  const std::string start(200, 'x');
  CHECK(journal_name(start + "a") != journal_name(start + "b"));
  CHECK(journal_name(start + "a").size() < 255);
}

TEST_CASE("a set that is being given its names is busy for others, and whole after an error") {
  TempFolder folder;
  const auto write = [&](bool overwrite, const char* text) {
    OutputFiles output({folder / "out", false, {"", "out.data"}, overwrite}, {});
    put(output, 0, text);
    put(output, 1, text);
    output.commit(true);
  };
  write(false, "old");
  {
    OutputFiles first({folder / "out", false, {"", "out.data"}, true}, {});
    CHECK(error_id([&] { write(true, "second"); }) == "output.busy");
  }
  CHECK(read_file(folder / "out") == "old");
  write(true, "new");
  CHECK(read_file(folder / "out") == "new");
  CHECK(read_file(folder / "out.data") == "new");
  CHECK(folder.names() == std::vector<std::string>{"out", "out.data"});
}

TEST_CASE("the journal of a set whose writer is gone puts the old files back") {
  TempFolder folder;
  folder.write("out", "old model");
  folder.write("out.data", "old data");
  const auto identity = [&](const char* name) {
    struct stat s {};
    REQUIRE(lstat((folder / name).c_str(), &s) == 0);
    return identity_of(s);
  };
  const Descriptor parent(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY));
  folder.write("fresh model", "new model");
  folder.write("fresh data", "new data");
  {
    SetJournal journal(parent.get(),
                       {{"out", identity("fresh model"), identity("out"), ".a.old"},
                        {"out.data", identity("fresh data"), identity("out.data"), ".b.old"}},
                       false, "out");
    CHECK(error_id([&] { mend_interrupted_set(parent.get(), "out", "out"); }) == "output.busy");
    journal.move_aside("out");
    fs::rename(folder / "fresh data", folder / "out.data");
  }  // the process dies: nobody holds the journal any more
  CHECK(!mend_interrupted_set(parent.get(), "out", "out").empty());
  CHECK(read_file(folder / "out") == "old model");
  CHECK(read_file(folder / "out.data") == "old data");
  CHECK(folder.names() == std::vector<std::string>{"fresh model", "out", "out.data"});
  folder.write(".out.commit", "tensorferry commit 1\nnot a journal");
  CHECK(error_id([&] { mend_interrupted_set(parent.get(), "out", "out"); }) ==
        "output.interrupted");
  folder.write(".out.commit", "somebody's own file");
  CHECK(mend_interrupted_set(parent.get(), "out", "out").empty());
  CHECK(read_file(folder / ".out.commit") == "somebody's own file");
}

namespace {

/// A set "out" and "out.data" whose new files have their names while the old ones wait aside, after
/// its process has died.
struct InterruptedSet {
  explicit InterruptedSet(bool stands) : parent(::open(folder.path().c_str(), O_RDONLY)) {
    std::vector<SetFile> files;
    for (const char* name : {"out", "out.data"}) {
      const std::string fresh = std::string("fresh ") + name;
      folder.write(name, "old");
      folder.write(fresh, "new");
      files.push_back({name, identity(fresh), identity(name), std::string(".") + name + ".old"});
    }
    SetJournal journal(parent.get(), files, false, "out");
    journal.move_aside("out");
    for (const char* name : {"out.data", "out"})
      fs::rename(folder / (std::string("fresh ") + name), folder / name);
    if (stands) journal.mark_standing();
  }
  FileIdentity identity(const std::string& name) const {
    struct stat s {};
    REQUIRE(lstat((folder / name).c_str(), &s) == 0);
    return identity_of(s);
  }
  std::string mend() const { return mend_interrupted_set(parent.get(), "out", "out"); }

  TempFolder folder;
  Descriptor parent;
};

}  // namespace

TEST_CASE("a set that stands is finished, also when its first file was touched or edited since") {
  for (const bool edited : {false, true}) {
    CAPTURE(edited);
    InterruptedSet set(true);
    if (edited) {
      fs::remove(set.folder / "out");
      set.folder.write("another", "edited");
      fs::rename(set.folder / "another", set.folder / "out");
    } else {
      fs::last_write_time(set.folder / "out", fs::file_time_type::clock::now());
    }
    CHECK(!set.mend().empty());
    CHECK(read_file(set.folder / "out") == (edited ? "edited" : "new"));
    CHECK(read_file(set.folder / "out.data") == "new");
    CHECK(set.folder.names() == std::vector<std::string>{"out", "out.data"});
  }
}

TEST_CASE("a set that may stand or not is left as it is, and named") {
  InterruptedSet set(false);
  fs::remove(set.folder / "out");
  set.folder.write("out", "somebody's");
  const std::vector<std::string> before = set.folder.names();
  CHECK(error_id([&] { set.mend(); }) == "output.interrupted");
  CHECK(set.folder.names() == before);
  CHECK(read_file(set.folder / "out.data") == "new");
}

TEST_CASE("another user's journal is not followed") {
  if (geteuid() != 0) return;
  InterruptedSet set(false);
  REQUIRE(chown((set.folder / ".out.commit").c_str(), 65534, 65534) == 0);
  const std::vector<std::string> before = set.folder.names();
  CHECK(error_id([&] { set.mend(); }) == "output.interrupted");
  CHECK(set.folder.names() == before);
}
