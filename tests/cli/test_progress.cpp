#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "program.h"

using tensorferry::testing::Result;
using tensorferry::testing::run_program;
using tensorferry::testing::small_model;
using tensorferry::testing::TempFolder;
using Json = nlohmann::ordered_json;
using Words = std::vector<std::string>;

TEST_CASE("progress as JSON ends with done; without a terminal nothing is drawn") {
  TempFolder folder;
  const std::string model = small_model(folder);
  for (const Words& to :
       std::vector<Words>{{folder.path("a/"), "--to", "npy"},
                          {folder.path("a.npz"), "--out-opt", "compression=deflate"}}) {
    Words arguments = {"convert", model, "--progress", "json", "--no-sync"};
    arguments.insert(arguments.end(), to.begin(), to.end());
    const Result json = run_program(arguments);
    CHECK(json.code == 0);
    Json before, last;
    for (std::size_t at = 0; at < json.err.size();) {
      const std::size_t end = json.err.find('\n', at);
      before = std::exchange(last, Json::parse(json.err.substr(at, end - at)));
      at = end + 1;
    }
    CHECK(last["event"] == "done");
    CHECK(last["bytes"] == last["total"]);
    CHECK(before["event"] == "progress");
    CHECK(before["total"] == last["total"]);
  }
  CHECK(run_program({"convert", model, folder.path("b/"), "--to", "npy"}).err.empty());
}
