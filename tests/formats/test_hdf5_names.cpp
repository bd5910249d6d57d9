#include <doctest/doctest.h>

#include <algorithm>

#include "hdf5/chunk_tree.h"
#include "hdf5/chunks.h"
#include "hdf5/lookup3.h"
#include "hdf5/names.h"

using namespace tensorferry;
using namespace std::string_literals;

namespace {

std::vector<std::string> paths_of(const std::vector<std::string_view>& names) {
  const hdf5::StoredPaths stored(names);
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < names.size(); ++i) paths.emplace_back(stored.of(i));
  return paths;
}

std::string path_of(std::string_view name) { return paths_of({name}).front(); }

}  // namespace

TEST_CASE("hdf5: a name that HDF5 can hold is its own path") {
  for (const char* name : {"dense/kernel:0", "a/../b", "..", "x/.ATTRIBUTES/VARIABLE_VALUE",
                           "h\xc3\xa9/ sp\t*?\\", "~", "..."}) {
    CHECK(path_of(name) == name);
  }
}

TEST_CASE("hdf5: what HDF5 would drop, cut or merge in a name is escaped") {
  CHECK(path_of("") == "%");
  CHECK(path_of("/") == "%/%");
  CHECK(path_of("/a") == "%/a");
  CHECK(path_of("a/") == "a/%");
  CHECK(path_of("a//b") == "a/%/b");
  CHECK(path_of(".") == "%2E");
  CHECK(path_of("a/./b") == "a/%2E/b");
  CHECK(path_of("n\0l"s) == "n%00l");
  CHECK(path_of("100%") == "100%25");
  CHECK(path_of("a\xff\xc3") == "a%FF%C3");
  CHECK(path_of("\xed\xa0\x80") == "%ED%A0%80");
}

TEST_CASE("hdf5: a name that others continue becomes a sibling of its group") {
  const std::vector<std::string_view> names = {"a/b", "a", "a/b/c", "a-", "", "/x", "ab", "a%~"};
  const std::vector<std::string> paths = {"a/b%~", "a%~", "a/b/c", "a-",
                                          "%%~",   "%/x", "ab",    "a%25~"};
  CHECK(paths_of(names) == paths);
}

TEST_CASE("hdf5: different names have different paths, and no path is a group of another") {
  // All names of up to five letters of what the rule looks at.
  std::vector<std::string> all = {""};
  for (std::size_t i = 0; i < all.size() && all[i].size() < 5; ++i) {
    for (char c : {'/', '.', '%', '~', 'a'}) all.push_back(all[i] + c);
  }
  const std::vector<std::string_view> names(all.begin(), all.end());
  std::vector<std::string> paths = paths_of(names);
  std::sort(paths.begin(), paths.end());
  CHECK(std::adjacent_find(paths.begin(), paths.end()) == paths.end());
  for (const std::string& path : paths) {
    for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
      REQUIRE_FALSE(std::binary_search(paths.begin(), paths.end(), path.substr(0, at)));
    }
    REQUIRE(("/" + path + "/").find("//") == std::string::npos);
    REQUIRE(("/" + path + "/").find("/./") == std::string::npos);
  }
}

TEST_CASE("hdf5: paths that are too deep or too long are refused") {
  std::string deep = "x";
  for (std::size_t i = 1; i < hdf5::kMaxDepth; ++i) deep += "/x";
  CHECK_FALSE(hdf5::path_problem(deep));
  CHECK(hdf5::path_problem(deep + "/x"));
  CHECK_FALSE(hdf5::path_problem(std::string(hdf5::kMaxPath, 'x')));
  CHECK(hdf5::path_problem(std::string(hdf5::kMaxPath + 1, 'x')));
}

TEST_CASE("hdf5: attribute names are marked when they are escaped or look like a tag") {
  CHECK(hdf5::stored_attribute_name("100% h\xc3\xa9") == "100% h\xc3\xa9");
  CHECK(hdf5::stored_attribute_name("") == "tensorferry_attribute:");
  CHECK(hdf5::stored_attribute_name("a%\0\xff"s) == "tensorferry_attribute:a%25%00%FF");
  CHECK(hdf5::stored_attribute_name("tensorferry_dtype") ==
        "tensorferry_attribute:tensorferry_dtype");
}

TEST_CASE("hdf5: a chunk is one run of the tensor's bytes, within the target, split evenly") {
  CHECK(hdf5::chunk_shape({10, 5}, 4, 1 << 20) == Shape{10, 5});
  CHECK(hdf5::chunk_shape({100, 1000}, 4, 40'000) == Shape{10, 1000});
  CHECK(hdf5::chunk_shape({7, 1000}, 4, 20'000) == Shape{4, 1000});
  CHECK(hdf5::chunk_shape({3, 100'000}, 4, 262'144) == Shape{1, 50'000});
  CHECK(hdf5::chunk_shape({2, 3, 4}, 8, 8 * 4) == Shape{1, 1, 4});
  CHECK(hdf5::chunk_shape({5}, 16, 1) == Shape{1});
  CHECK(hdf5::chunk_shape({1, 1, 1}, 4, 1024) == Shape{1, 1, 1});
}

TEST_CASE("hdf5: the walk through the chunks covers a tensor once, in row-major order") {
  for (const Shape& shape : {Shape{7}, Shape{5, 3}, Shape{2, 7, 3}, Shape{1, 1}, Shape{3, 1, 4}}) {
    for (std::uint64_t target = 1; target < 50; ++target) {
      const Shape chunk = hdf5::chunk_shape(shape, 1, target);
      REQUIRE(element_count(chunk) <= target);
      std::uint64_t next = 0;
      for (hdf5::ChunkWalk walk(shape, chunk); !walk.done(); walk.next()) {
        std::uint64_t first = 0;
        for (std::size_t axis = 0; axis < shape.size(); ++axis) {
          REQUIRE(walk.start()[axis] % chunk[axis] == 0);
          first = first * shape[axis] + walk.start()[axis];
        }
        REQUIRE(first == next);
        next += walk.elements();
      }
      REQUIRE(next == element_count(shape));
    }
  }
}

TEST_CASE("hdf5: the hash is Bob Jenkins's") {
  // What his own program says.
  CHECK(hdf5::lookup3("") == 0xdeadbeef);
  CHECK(hdf5::lookup3("Four score and seven years ago") == 0x17770551);
}

TEST_CASE("hdf5: tensors that make the most of the indexes decide on the size of their nodes") {
  const auto tree = [](std::uint64_t chunks) { return hdf5::ChunkTree{{chunks}, {1}, 4, 0}; };
  std::vector<hdf5::ChunkTree> trees;
  CHECK(hdf5::best_half_node(trees) == hdf5::kUsualHalfNode);
  trees.push_back(tree(64));
  CHECK(hdf5::best_half_node(trees) == 32);
  CHECK(trees[0].bytes(32) == 24 + 65 * 24 + 64 * 8);
  trees.resize(1000, tree(1));
  CHECK(hdf5::best_half_node(trees) == 2);
  CHECK(tree(64).bytes(2) == (16 + 4 + 1) * (24 + 5 * 24 + 4 * 8));
  CHECK(tree(65).bytes(2) == (17 + 5 + 2 + 1) * (24 + 5 * 24 + 4 * 8));
}
