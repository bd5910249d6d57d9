// What can be said of a list of jobs before any of them runs.
#include <sys/stat.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "batch/jobs.h"
#include "io/system.h"
#include "tensorferry/batch.h"
#include "util/sha256.h"

namespace tensorferry {

namespace fs = std::filesystem;

namespace {

std::string called(const std::vector<BatchJob>& jobs, std::size_t job) {
  return jobs[job].place.empty() ? "job " + std::to_string(job + 1) : jobs[job].place;
}

/// Names of one file through different links to its folder are one.
class RealNames {
 public:
  std::string of(const fs::path& path) {
    const fs::path full = full_path(path);
    const auto [place, is_new] = folders_.try_emplace(full.parent_path().string());
    if (is_new) {
      std::error_code error;
      const fs::path real = fs::weakly_canonical(full.parent_path(), error);
      place->second = error ? place->first : real.string();
    }
    return place->second + "/" + full.filename().string();
  }

 private:
  std::map<std::string, std::string> folders_;
};

using FileKey = std::pair<dev_t, ino_t>;

bool file_at(const fs::path& path, FileKey& key) {
  struct stat s {};
  if (stat(path.c_str(), &s) != 0) return false;
  key = {s.st_dev, s.st_ino};
  return true;
}

}  // namespace

fs::path full_path(const fs::path& path) {
  const fs::path full = absolute_path(path, ErrorCode::input);
  return full.filename().empty() ? full.parent_path() : full;  // a trailing slash
}

std::string job_digest(const BatchJob& job) {
  Sha256 hash;
  for (const std::string& part :
       {full_path(job.source).string(), full_path(job.target).string(), job.settings}) {
    hash.update(std::to_string(part.size()) + ":");
    hash.update(part);
  }
  return to_hex(hash.finish());
}

void check_batch(const std::vector<BatchJob>& jobs) {
  constexpr std::size_t most_told = 50;
  RealNames names;
  std::map<std::string, std::size_t> inputs, outputs;
  std::map<FileKey, std::size_t> input_files;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    inputs.emplace(names.of(jobs[i].source), i);
    FileKey key;
    if (file_at(jobs[i].source, key)) input_files.emplace(key, i);
  }
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const std::string name = names.of(jobs[i].target);
    const std::string shown = printable(jobs[i].target.string(), 0);
    const auto [other, is_new] = outputs.emplace(name, i);
    if (!is_new)
      problems.push_back(called(jobs, other->second) + " and " + called(jobs, i) + " both write " +
                         shown);
    const auto read = inputs.find(name);
    FileKey key;
    const bool exists = file_at(jobs[i].target, key);
    const auto same = exists ? input_files.find(key) : input_files.end();
    if (read == inputs.end() && same == input_files.end()) continue;
    const std::size_t reader = read != inputs.end() ? read->second : same->second;
    problems.push_back(called(jobs, i) + " writes " + shown + ", which " +
                       (reader == i ? "it" : called(jobs, reader)) + " reads");
  }
  if (problems.empty()) return;
  std::string message = "outputs must differ from each other and from all inputs:";
  for (std::size_t i = 0; i < std::min(problems.size(), most_told); ++i)
    message += "\n  " + problems[i];
  if (problems.size() > most_told)
    message += "\n  and " + std::to_string(problems.size() - most_told) + " more";
  throw Error(ErrorCode::usage, "job_conflict", message);
}

}  // namespace tensorferry
