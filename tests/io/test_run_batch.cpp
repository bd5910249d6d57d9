// The library's side of a batch; what only a killed process shows is left to the judges.
#include <doctest/doctest.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "error_id.h"
#include "temp_folder.h"
#include "tensorferry/batch.h"

using namespace tensorferry;
using Kind = BatchEvent::Kind;

namespace {

/// Raw models "0", "1", ... of one byte, to be written as "out/0.npy", ...
std::vector<BatchJob> make_jobs(const TempFolder& folder, std::size_t count) {
  std::vector<BatchJob> jobs;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = std::to_string(i);
    folder.write(name + "/w.bin", name);
    folder.write(name + "/manifest.json",
                 R"({"tensorferry":1,"tensors":[{"name":"w","dtype":"uint8","shape":[1],)"
                 R"("file":"w.bin"}]})");
    BatchJob& job = jobs.emplace_back();
    job.source = folder / name;
    job.target = folder / ("out/" + name + ".npy");
  }
  return jobs;
}

/// "started 0", "failed 1 corrupt.size", ...
std::vector<std::string> run(const std::vector<BatchJob>& jobs, BatchOptions options,
                             BatchResult* result = nullptr) {
  constexpr const char* names[] = {"started", "finished", "skipped", "failed"};
  std::vector<std::string> told;
  options.on_event = [&](const BatchEvent& event) {
    std::string text = names[static_cast<std::size_t>(event.kind)];
    text += " " + std::to_string(event.job);
    if (event.error != nullptr) text += " " + event.error->id();
    CHECK((event.receipt != nullptr) == (event.kind == Kind::finished));
    told.push_back(std::move(text));
  };
  const BatchResult got = run_batch(jobs, options);
  if (result != nullptr) *result = got;
  return told;
}

BatchOptions one_at_a_time(const TempFolder& folder) {
  BatchOptions options;
  options.jobs = 1;
  options.journal = folder / "journal";
  options.make_folders = true;
  options.sync = false;
  return options;
}

using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("events come in the order of the jobs, and a resume skips") {
  TempFolder folder;
  const auto jobs = make_jobs(folder, 2);
  BatchOptions options = one_at_a_time(folder);
  BatchResult result;
  CHECK(run(jobs, options, &result) == Told{"started 0", "finished 0", "started 1", "finished 1"});
  CHECK(result.finished == 2);
  CHECK(result.bytes == 2 * std::filesystem::file_size(folder / "out/0.npy"));
  options.resume = true;
  CHECK(pending_jobs(jobs, options).empty());
  CHECK(run(jobs, options) == Told{"skipped 0", "skipped 1"});
  folder.write("1/w.bin", "x");
  CHECK(pending_jobs(jobs, options) == std::vector<std::size_t>{1});
  CHECK(run(jobs, options) == Told{"skipped 0", "started 1", "finished 1"});
  options.resume = false;
  CHECK(run(jobs, options) == Told{"started 0", "failed 0 output.exists"});
}

TEST_CASE("a job with other settings is another job") {
  TempFolder folder;
  auto jobs = make_jobs(folder, 1);
  BatchOptions options = one_at_a_time(folder);
  run(jobs, options);
  options.resume = true;
  jobs[0].settings = "cast=*=float16";
  CHECK(run(jobs, options) == Told{"started 0", "finished 0"});
}

TEST_CASE("a failed job does not lose its older output to the next resume") {
  TempFolder folder;
  const auto jobs = make_jobs(folder, 1);
  BatchOptions options = one_at_a_time(folder);
  run(jobs, options);
  options.resume = true;
  folder.write("0/w.bin", "too long");
  CHECK(run(jobs, options) == Told{"started 0", "failed 0 corrupt.size"});
  folder.write("0/w.bin", "y");
  CHECK(run(jobs, options) == Told{"started 0", "finished 0"});
}

TEST_CASE("shards divide the jobs, and a resume without them skips all") {
  TempFolder folder;
  const auto jobs = make_jobs(folder, 5);
  BatchOptions options = one_at_a_time(folder);
  options.shard = {2, 2};
  CHECK(run(jobs, options) == Told{"started 1", "finished 1", "started 3", "finished 3"});
  options.shard = {1, 2};
  CHECK(run(jobs, options).size() == 6);
  options.shard = {};
  options.resume = true;
  CHECK(run(jobs, options).size() == 5);
  options.shard = {3, 2};
  CHECK(error_id([&] { run(jobs, options); }) == "usage.shard");
}

TEST_CASE("a failure stops the batch unless it is to go on") {
  TempFolder folder;
  const auto jobs = make_jobs(folder, 3);
  folder.write("1/w.bin", "too long");
  BatchOptions options = one_at_a_time(folder);
  BatchResult result;
  CHECK(run(jobs, options, &result) ==
        Told{"started 0", "finished 0", "started 1", "failed 1 corrupt.size"});
  CHECK(result.not_started == 1);
  options.resume = options.keep_going = true;
  CHECK(run(jobs, options) ==
        Told{"skipped 0", "started 1", "failed 1 corrupt.size", "started 2", "finished 2"});
}

TEST_CASE("cancelled jobs are neither finished nor failed") {
  TempFolder folder;
  const auto jobs = make_jobs(folder, 3);
  std::atomic<bool> cancel{false};
  BatchOptions options = one_at_a_time(folder);
  options.cancel = &cancel;
  options.on_event = [&](const BatchEvent& event) {
    if (event.kind == Kind::started && event.job == 1) cancel = true;
  };
  const BatchResult result = run_batch(jobs, options);
  CHECK(result.finished == 1);
  CHECK(result.failed == 0);
  CHECK(result.not_started == 2);
  CHECK_FALSE(std::filesystem::exists(folder / "out/1.npy"));
}

TEST_CASE("what ends the whole batch is thrown") {
  TempFolder folder;
  auto jobs = make_jobs(folder, 2);
  BatchOptions options = one_at_a_time(folder);
  SUBCASE("an exception of the listener") {
    options.on_event = [](const BatchEvent&) { throw std::runtime_error("enough"); };
    CHECK_THROWS_WITH(run_batch(jobs, options), "enough");
  }
  SUBCASE("a journal that cannot be written") {
    options.journal = folder.path();
    CHECK(error_id([&] { run(jobs, options); }).starts_with("output."));
  }
  SUBCASE("too little memory for any job") {
    options.memory_limit = 1 << 20;
    CHECK(error_id([&] { run(jobs, options); }) == "usage.memory_limit");
  }
  SUBCASE("conflicts") {
    jobs[1].target = folder / "out/../out/0.npy";
    CHECK(error_id([&] { run(jobs, options); }) == "usage.job_conflict");
    jobs[1].target = folder / "0/";
    CHECK(error_id([&] { run(jobs, options); }) == "usage.job_conflict");
  }
  CHECK_FALSE(std::filesystem::exists(folder / "out/1.npy"));
}

TEST_CASE("folders are made only when that is wanted") {
  TempFolder folder;
  const auto jobs = make_jobs(folder, 1);
  BatchOptions options = one_at_a_time(folder);
  options.make_folders = false;
  CHECK(run(jobs, options) == Told{"started 0", "failed 0 output.no_parent"});
}
