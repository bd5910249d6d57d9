#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "batch/journal.h"
#include "error_id.h"
#include "temp_folder.h"

using namespace tensorferry;
using State = JournalEntry::State;

namespace {

constexpr const char* kTarget = "/somewhere/a.npy";

JournalEntry entry(State state, bool owns = false, std::vector<FileRecord> outputs = {}) {
  return {state, "digest", kTarget, owns, {{"/in/\xff\n.npy", 3, 4, -5}}, std::move(outputs)};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
  return found;
}

}  // namespace

TEST_CASE("an entry comes back from its line") {
  JournalEntry finished = entry(State::finished, false, {{"/out/ä.npy", 1, 2, 3}});
  finished.damaged = 7;
  const std::string line = to_line(finished);
  CHECK(line.find('\n') == std::string::npos);
  const auto back = parse_entry(line);
  REQUIRE(back);
  CHECK(back->state == State::finished);
  CHECK(back->job == "digest");
  CHECK(back->target == kTarget);
  CHECK_FALSE(back->owns);
  CHECK(back->sources == finished.sources);
  CHECK(back->outputs == finished.outputs);
  CHECK(back->damaged == 7);
  CHECK(parse_entry(to_line(entry(State::started, true)))->owns);
  JournalEntry failed = entry(State::failed);
  failed.error = "corrupt.truncated";
  CHECK(parse_entry(to_line(failed))->error == "corrupt.truncated");
}

TEST_CASE("no part of a line is an entry") {
  const std::string line = to_line(entry(State::finished, false, {{"/out/a.npy", 1, 2, 3}}));
  for (std::size_t length = 0; length < line.size(); ++length)
    CHECK_FALSE(parse_entry(line.substr(0, length)));
  CHECK_FALSE(parse_entry(line + "}"));
  CHECK_FALSE(parse_entry(R"({"tensorferry_batch":1,"state":"begun","job":"a","target":"b"})"));
  CHECK_FALSE(parse_entry(R"({"tensorferry_batch":1,"state":"started","job":1,"target":"b"})"));
  CHECK_FALSE(parse_entry(R"({"tensorferry_batch":2,"state":"started","job":"a","target":"b"})"));
}

TEST_CASE("a torn last line costs that entry alone") {
  TempFolder folder;
  const auto path = folder / "journal";
  { Journal(path, true).append(entry(State::started, true)); }
  folder.write("journal",
               read_file(folder / "journal") + R"({"tensorferry_batch":1,"state":"fini)");
  { Journal(path, false).append(entry(State::started, true)); }
  const std::string text = read_file(folder / "journal");
  CHECK(count(text, "\n") == 3);
  CHECK(count(text, "\"started\"") == 2);
  CHECK(JournalRecords::load(path).started(kTarget));
}

TEST_CASE("even the first line may be torn") {
  TempFolder folder;
  folder.write("journal", R"({"tensor)");
  { Journal(folder / "journal", true).append(entry(State::started, true)); }
  CHECK(JournalRecords::load(folder / "journal").started(kTarget));
}

TEST_CASE("a file that is no journal is left alone") {
  TempFolder folder;
  folder.write("jobs.jsonl", "{\"in\": \"a\", \"out\": \"b\"}\n");
  CHECK(error_id([&] { Journal(folder / "jobs.jsonl", true); }) == "output.not_a_journal");
  CHECK(read_file(folder / "jobs.jsonl") == "{\"in\": \"a\", \"out\": \"b\"}\n");
}

TEST_CASE("two batches cannot write one journal") {
  TempFolder folder;
  const Journal journal(folder / "journal", true);
  CHECK(error_id([&] { Journal(folder / "journal", true); }) == "output.busy");
}

TEST_CASE("entries of several threads do not mix") {
  TempFolder folder;
  constexpr int kEach = 200;
  {
    Journal journal(folder / "journal", false);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&] {
        for (int i = 0; i < kEach; ++i) journal.append(entry(State::started, true));
      });
    for (std::thread& thread : threads) thread.join();
  }
  const std::string line = to_line(entry(State::started, true)) + "\n";
  const std::string text = read_file(folder / "journal");
  CHECK(text.size() == line.size() * 4 * kEach);
  CHECK(count(text, line) == 4 * kEach);
}

TEST_CASE("what a target is to the batch") {
  TempFolder folder;
  folder.write("out", "bytes");
  const auto path = folder / "journal";
  const std::vector<FileRecord> outputs = {*look_at((folder / "out").string())};
  const auto records = [&](const std::vector<JournalEntry>& entries) {
    unlink(path.c_str());
    Journal journal(path, false);
    for (const JournalEntry& each : entries) journal.append(each);
    return JournalRecords::load(path);
  };
  SUBCASE("nothing is known of it") {
    CHECK_FALSE(records({}).owned(kTarget));
    CHECK(records({}).finished(kTarget).empty());
  }
  SUBCASE("killed after the start") {
    CHECK(records({entry(State::started, true)}).owned(kTarget));
    CHECK_FALSE(records({entry(State::started, false)}).owned(kTarget));
  }
  SUBCASE("failed: nothing was written") {
    CHECK_FALSE(records({entry(State::started, true), entry(State::failed)}).owned(kTarget));
    CHECK(records({entry(State::started, true), entry(State::failed, true)}).owned(kTarget));
  }
  SUBCASE("a failure leaves the record of an earlier success") {
    const JournalRecords now = records({entry(State::finished, false, outputs),
                                        entry(State::started, true), entry(State::failed)});
    CHECK(now.owned(kTarget));
    CHECK(now.finished(kTarget).size() == 1);
  }
  SUBCASE("finished, and changed since") {
    const JournalRecords now =
        records({entry(State::started, true), entry(State::finished, false, outputs)});
    CHECK(now.owned(kTarget));
    folder.write("out", "other bytes");
    CHECK_FALSE(now.owned(kTarget));
  }
}

TEST_CASE("the journals of all shards are read") {
  TempFolder folder;
  const auto path = folder / "journal";
  CHECK(journal_path(path, {1, 1}) == path);
  CHECK(journal_path(path, {2, 3}).filename() == "journal.2-of-3");
  { Journal(journal_path(path, {2, 3}), false).append(entry(State::started, true)); }
  CHECK(JournalRecords::load(path).owned(kTarget));
  CHECK_FALSE(JournalRecords::load(folder / "other").owned(kTarget));
}
