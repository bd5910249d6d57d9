// Where the jobs of a batch come from: lines of JSON, or a folder.
#pragma once

#include <istream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arguments.h"
#include "json_text.h"
#include "tensorferry/batch.h"

namespace tensorferry::cli {

/// Jobs, and the options of conversion that each of them has.
class JobList {
 public:
  std::vector<BatchJob> jobs;
  std::vector<Arguments> options;

  /// Throws Error(usage) for options that are wrong whatever the files hold.
  void add(const std::string& source, const std::string& target, Arguments arguments,
           std::string place);

 private:
  std::shared_ptr<const ConvertOptions> last_;
  std::string last_text_;
};

/// Of the arguments of `batch`, those that every job has unless it says otherwise.
Arguments job_defaults(const Arguments& arguments);

/// One JSON object a line: "in", "out", and options of `convert` by their long names; blank lines
/// count and are nothing. `name` is for messages. Throws Error(usage.jobs) that names every line
/// that is wrong.
JobList parse_jobs(std::istream& lines, std::string_view name, const Arguments& defaults);

/// The same of a file, or of standard input for "-". Throws Error(input).
JobList read_jobs(const std::string& path, const Arguments& defaults);

struct FolderJobs {
  std::string in, out;
  bool full_names = false;  ///< outputs are called like their input with an extension more
  bool folders = false;     ///< outputs are folders
};

/// One job for each input below a folder; `options` say how to look for them, the arguments how to
/// read them. Files of no known format are added to `others`. Throws Error(usage), Error(input).
JobList folder_jobs(const FolderJobs& folder, const Arguments& defaults, FindOptions options,
                    std::vector<std::string>& others);

/// The job as a line that parse_jobs reads.
std::string job_line(const JobList& list, std::size_t job);

}  // namespace tensorferry::cli
