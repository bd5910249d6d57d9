#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include "cli/batch_jobs.h"
#include "cli/batch_report.h"
#include "tensorferry/error.h"

using namespace tensorferry;
using namespace tensorferry::cli;

namespace {

JobList parse(const std::string& text, const Arguments& defaults = {}) {
  std::istringstream lines(text);
  return parse_jobs(lines, "jobs.jsonl", defaults);
}

std::string refusal(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& error) {
    CHECK(error.id() == "usage.jobs");
    CHECK(error.file() == "jobs.jsonl");
    return error.message();
  }
  return {};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a line is a job with the options of convert") {
  const JobList list = parse(
      "{\"in\": \"a.npz\", \"out\": \"a.h5\"}\n\n  \r\n"
      R"({"out": "b", "in": "b.npz", "to": "hdf5", "out-opt": ["compression=gzip", "level=1"],)"
      R"( "exclude": "x*", "overwrite": true, "verify": false, "limit": ["rank=9"]})");
  REQUIRE(list.jobs.size() == 2);
  CHECK(list.jobs[0].source == "a.npz");
  CHECK(list.jobs[0].target == "a.h5");
  CHECK(list.jobs[0].place == "line 1");
  const BatchJob& job = list.jobs[1];
  CHECK(job.place == "line 4");
  CHECK(job.options->to == "hdf5");
  CHECK(job.options->selection.exclude == std::vector<std::string>{"x*"});
  CHECK(job.options->run.overwrite);
  CHECK_FALSE(job.options->run.verify_output);
  CHECK(job.options->write_options.at("level") == "1");
  CHECK(job.options->read.limits.rank == 9);
}

TEST_CASE("a number is as good as its text") {
  const JobList list = parse(R"({"in": "a", "out": "b.safetensors", "split-max-size": 4096})");
  CHECK(list.jobs[0].options->write_options.at("split_max_size") == "4096");
}

TEST_CASE("the command line gives defaults, and a line's own options win") {
  const Arguments defaults({"verify", "overwrite"}, {{"to", {"npz"}}, {"exclude", {"a", "b"}}});
  const JobList list = parse(
      "{\"in\": \"a\", \"out\": \"x\"}\n"
      R"({"in": "b", "out": "y", "to": "onnx", "exclude": ["c"], "overwrite": false})"
      "\n{\"in\": \"c\", \"out\": \"z\", \"exclude\": []}\n",
      defaults);
  CHECK(list.jobs[0].options->to == "npz");
  CHECK(list.jobs[0].options->run.overwrite);
  CHECK(list.jobs[0].options->selection.exclude == std::vector<std::string>{"a", "b"});
  CHECK(list.jobs[1].options->to == "onnx");
  CHECK(list.jobs[1].options->selection.exclude == std::vector<std::string>{"c"});
  CHECK_FALSE(list.jobs[1].options->run.overwrite);
  CHECK(list.jobs[1].options->run.verify_output);
  CHECK(list.jobs[2].options->selection.exclude.empty());
}

TEST_CASE("every wrong line is told, with what is wrong") {
  const std::string text = refusal(
      "{\"in\": \"a\", \"out\": \"a.npz\"}\n"
      "{\"in\": \"a\", \"out\": \"b.npz\", \"ovewrite\": true}\n"
      "{\"in\": \"a\", \"out\": \n"
      "[1]\n"
      "{\"out\": \"c.npz\"}\n"
      "{\"in\": \"a\"}\n"
      "{\"in\": 3, \"out\": \"d.npz\"}\n"
      "{\"in\": \"a\", \"out\": \"e.npz\", \"overwrite\": \"yes\"}\n"
      "{\"in\": \"a\", \"out\": \"f.npz\", \"exclude\": {}}\n"
      "{\"in\": \"a\", \"out\": \"g.npz\", \"in\": \"b\"}\n"
      "{\"in\": \"a\", \"out\": \"h.npz\", \"out-opt\": \"level\"}\n"
      "{\"in\": \"a\", \"out\": \"i.nothing\"}\n"
      "{\"in\": \"a\", \"out\": \"j\", \"to\": \"onxx\"}\n"
      "{\"in\": \"a\", \"out\": \"k.h5\", \"out-opt\": \"levle=3\"}\n"
      "{\"in\": \"a\", \"out\": \"l.npz\", \"threads\": 2, \"jobs\": 3}\n"
      "{\"in\": \"a\\u0000b\", \"out\": \"m.npz\"}\n");
  CHECK(text.starts_with("15 lines are wrong:"));
  CHECK_FALSE(has(text, "line 1:"));
  CHECK(has(text, "line 2: there is no option \"ovewrite\"; did you mean \"overwrite\"?"));
  CHECK(has(text, "line 3: is not JSON"));
  CHECK(has(text, "line 4: is not a JSON object"));
  CHECK(has(text, "line 5: \"in\" is missing"));
  CHECK(has(text, "line 6: \"out\" is missing"));
  CHECK(has(text, "line 7: \"in\" is not the name of a file"));
  CHECK(has(text, "line 8: \"overwrite\" is true or false"));
  CHECK(has(text, "line 9: \"exclude\" is a text"));
  CHECK(has(text, "line 10: \"in\" is there twice"));
  CHECK(has(text, "line 11: --out-opt needs NAME=VALUE"));
  CHECK(has(text, "line 12: \"i.nothing\" does not say its format"));
  CHECK(has(text, "line 13: there is no format \"onxx\"; did you mean onnx?"));
  CHECK(has(text, "line 14: "));
  CHECK(has(text, "line 15: there is no option \"threads\""));
  CHECK(has(text, "line 15: there is no option \"jobs\""));
  CHECK(has(text, "line 16: \"in\" is not the name of a file"));
}

TEST_CASE("a job is written as the line that it is read from") {
  const std::string line =
      R"({"in":"a.npz","out":"b","exclude":["x","y"],"to":"hdf5","overwrite":true})";
  CHECK(job_line(parse(line), 0) == line);
  CHECK(parse(job_line(parse(line), 0)).jobs[0].settings == parse(line).jobs[0].settings);
}

TEST_CASE("settings are what decides over the output") {
  const auto settings = [](const std::string& options) {
    return parse("{\"in\": \"a\", \"out\": \"b.npz\"" + options + "}").jobs[0].settings;
  };
  const std::string plain = settings("");
  CHECK(settings(", \"overwrite\": true, \"no-sync\": true, \"verify\": true") == plain);
  CHECK(settings(", \"bookkeeping\": true") != plain);
  CHECK(settings(", \"exclude\": [\"a\", \"b\"]") != settings(", \"exclude\": [\"b\", \"a\"]"));
  CHECK(settings(", \"exclude\": \"a\"") != settings(", \"include\": \"a\""));
}

TEST_CASE("the worst exit code counts") {
  const int worst_first[] = {70, 5, 3, 6, 8, 7, 9, 4, 2, 0};
  for (std::size_t i = 0; i < std::size(worst_first); ++i) {
    for (std::size_t j = i; j < std::size(worst_first); ++j) {
      CHECK(worse_code(worst_first[i], worst_first[j]) == worst_first[i]);
      CHECK(worse_code(worst_first[j], worst_first[i]) == worst_first[i]);
    }
  }
}
