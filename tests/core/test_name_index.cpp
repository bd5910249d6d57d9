#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "util/name_index.h"

using namespace tensorferry;

namespace {

NameIndex index_of(const std::vector<std::string>& names) {
  return {names.size(), [&](std::size_t i) -> std::string_view { return names[i]; }};
}

}  // namespace

TEST_CASE("each of many names is found, and no other") {
  std::vector<std::string> names;
  for (int i = 0; i < 5000; ++i) names.push_back("block/" + std::to_string(i));
  names.emplace_back();
  names.emplace_back("a\0b", 3);
  const NameIndex index = index_of(names);
  CHECK_FALSE(index.repeated());
  for (std::size_t i = 0; i < names.size(); ++i) CHECK(index.find(names[i]) == i);
  for (const char* other : {"block/5000", "block/", "a", "block/1 "})
    CHECK_FALSE(index.contains(other));
}

TEST_CASE("of a name that stands twice the first one is found") {
  const std::vector<std::string> names = {"x", "y", "z", "y", "x"};
  const NameIndex index = index_of(names);
  CHECK(index.find("y") == 1);
  CHECK(index.find("x") == 0);
  CHECK(index.repeated() == std::pair<std::size_t, std::size_t>(1, 3));
}

TEST_CASE("nothing is found among no names") {
  CHECK_FALSE(NameIndex().contains("x"));
  CHECK_FALSE(index_of({}).contains(""));
}
