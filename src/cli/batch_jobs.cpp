#include "batch_jobs.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "convert_options.h"
#include "output.h"
#include "tensorferry/error.h"
#include "tensorferry/format.h"

namespace tensorferry::cli {

namespace fs = std::filesystem;

namespace {

// they change how the output is made, not what it holds
constexpr std::array<std::string_view, 4> kWithoutEffect = {"no-sync", "no-verify-source",
                                                            "overwrite", "verify"};
// their values name files that decide over the output
constexpr std::array<std::string_view, 1> kNamingFiles = {"map"};

bool is_in(std::span<const std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Which file it is and in which state; nothing when it cannot be opened.
std::string state_of(const std::string& path) {
  try {
    const FileIdentity file = Input::open(path).file()->identity();
    return std::to_string(file.inode) + " " + std::to_string(file.size) + " " +
           std::to_string(file.modified_ns);
  } catch (const Error&) {
    return {};
  }
}

/// All options in one text, flags without those of `left_out`.
std::string options_text(const Arguments& arguments, std::span<const std::string_view> left_out) {
  std::string text;
  for (const std::string& name : arguments.flags())
    if (!is_in(left_out, name)) text.append(name).push_back('\0');
  for (const auto& [name, values] : arguments.all_values()) {
    for (const std::string& value : values) {
      text.append(name).append("=").append(value).push_back('\0');
      if (is_in(kNamingFiles, name)) text.append(state_of(value)).push_back('\0');
    }
  }
  return text;
}

/// What can be said without looking at any file.
void check_formats(const BatchJob& job) {
  const Registry& registry = Registry::global();
  const ConvertOptions& options = *job.options;
  const Format& target = options.to.empty() ? registry.for_extension(job.target.filename().string())
                                            : registry.at(options.to);
  const Options writing(target.write_options, options.write_options);
  if (options.read.from.empty()) return;
  const Options reading(registry.at(options.read.from).read_options, options.read.options);
}

class LineParser {
 public:
  explicit LineParser(const Arguments& defaults) : defaults_(defaults) {
    for (const OptionGroup& group : conversion_options())
      for (const OptionDef& option : group.options) options_[long_name(option)] = &option;
    for (const auto& [name, option] : options_) names_.push_back(name);
    names_.insert(names_.end(), {"in", "out"});
  }

  /// Adds the job; or says what is wrong.
  std::vector<std::string> parse(const std::string& line, const std::string& place, JobList& list) {
    problems_.clear();
    flags_ = defaults_.flags();
    values_ = defaults_.all_values();
    in_.clear();
    out_.clear();
    try {
      read(line);
      if (problems_.empty() && in_.empty()) problems_.emplace_back("\"in\" is missing");
      if (problems_.empty() && out_.empty()) problems_.emplace_back("\"out\" is missing");
      if (problems_.empty()) list.add(in_, out_, Arguments(flags_, values_), place);
    } catch (const Json::parse_error& error) {
      problems_.push_back("is not JSON, at character " + std::to_string(error.byte));
    } catch (const Error& error) {
      problems_.push_back(error.message());
    }
    return problems_;
  }

 private:
  void read(const std::string& line) {
    std::set<std::string> keys;
    const auto on_event = [&](int, Json::parse_event_t event, Json& parsed) {
      if (event == Json::parse_event_t::key && !keys.insert(parsed.get<std::string>()).second)
        problems_.push_back("\"" + printable(parsed.get<std::string>()) + "\" is there twice");
      return true;
    };
    const Json object = Json::parse(line, on_event);
    if (!object.is_object()) {
      problems_.emplace_back("is not a JSON object");
      return;
    }
    for (const auto& [key, value] : object.items()) set(key, value);
  }

  void set(const std::string& key, const Json& value) {
    if (key == "in" || key == "out") {
      const std::string path = value.is_string() ? value.get<std::string>() : std::string();
      if (path.empty() || path.find('\0') != std::string::npos)
        problems_.push_back("\"" + key + "\" is not the name of a file");
      else if (path == "-")
        problems_.push_back("\"" + key + "\" is `-`: a batch reads and writes files, not streams");
      else
        (key == "in" ? in_ : out_) = path;
      return;
    }
    const auto option = options_.find(key);
    if (option == options_.end()) return unknown(key);
    if (option->second->value == nullptr) return set_flag(key, value);
    values_[key].clear();
    if (!value.is_array()) return add_value(key, value);
    for (const Json& element : value) add_value(key, element);
    if (values_[key].empty()) values_.erase(key);
  }

  void set_flag(const std::string& key, const Json& value) {
    if (!value.is_boolean())
      problems_.push_back("\"" + key + "\" is true or false, not " + printable(value.dump()));
    else if (value.get<bool>())
      flags_.insert(key);
    else
      flags_.erase(key);
  }

  void add_value(const std::string& key, const Json& value) {
    if (value.is_string())
      values_[key].push_back(value.get<std::string>());
    else if (value.is_number())
      values_[key].push_back(value.dump());
    else
      problems_.push_back("\"" + key + "\" is a text, a number or a list of them, not " +
                          printable(value.dump()));
  }

  void unknown(const std::string& key) {
    std::string problem = "there is no option \"" + printable(key) + "\"";
    if (const auto near = nearest(key, names_)) problem += "; did you mean \"" + *near + "\"?";
    problems_.push_back(std::move(problem));
  }

  const Arguments& defaults_;
  std::map<std::string, const OptionDef*, std::less<>> options_;
  std::vector<std::string> names_, problems_;
  Arguments::Flags flags_;
  Arguments::Values values_;
  std::string in_, out_;
};

[[noreturn]] void refuse(std::string_view name, std::size_t lines,
                         const std::vector<std::string>& problems) {
  constexpr std::size_t most_told = 200;
  std::string message = count_of(lines, "line") + (lines == 1 ? " is" : " are") + " wrong:";
  for (std::size_t i = 0; i < std::min(problems.size(), most_told); ++i)
    message += "\n  " + problems[i];
  if (problems.size() > most_told)
    message += "\n  and " + std::to_string(problems.size() - most_told) + " more";
  throw Error(ErrorCode::usage, "jobs", message).in_file(name);
}

/// A list of jobs is a file or comes through a pipe; a device may have no end. /dev/null is an
/// empty list.
void refuse_endless(const struct stat& s, const std::string& name) {
  const bool null = S_ISCHR(s.st_mode) && s.st_rdev == makedev(1, 3);
  const char* kind = S_ISDIR(s.st_mode)            ? "a folder"
                     : S_ISCHR(s.st_mode) && !null ? "a character device"
                     : S_ISBLK(s.st_mode)          ? "a block device"
                                                   : nullptr;
  if (kind == nullptr) return;
  throw Error(ErrorCode::input, "special_file",
              std::string("is ") + kind + ", not a file with a line for each job")
      .in_file(name);
}

/// What the outputs in a format end with.
std::string extension_of(const std::string& to) {
  const Format& format = Registry::global().at(to);
  return format.extensions.empty() ? std::string() : std::string(format.extensions.front());
}

}  // namespace

void JobList::add(const std::string& source, const std::string& target, Arguments arguments,
                  std::string place) {
  std::string text = options_text(arguments, {});
  if (!last_ || text != last_text_) {  // most jobs have the options of the one before
    last_ = std::make_shared<ConvertOptions>(convert_options(arguments));
    last_text_ = std::move(text);
  }
  BatchJob job{source, target, last_, options_text(arguments, kWithoutEffect)};
  job.place = std::move(place);
  check_formats(job);
  jobs.push_back(std::move(job));
  options.push_back(std::move(arguments));
}

Arguments job_defaults(const Arguments& arguments) {
  Arguments::Flags flags;
  Arguments::Values values;
  for (const OptionGroup& group : conversion_options()) {
    for (const OptionDef& option : group.options) {
      const std::string name = long_name(option);
      if (arguments.flag(name)) flags.insert(name);
      if (auto given = arguments.values(name); !given.empty()) values[name] = std::move(given);
    }
  }
  return {std::move(flags), std::move(values)};
}

JobList parse_jobs(std::istream& lines, std::string_view name, const Arguments& defaults) {
  convert_options(defaults);  // what is wrong with them is not wrong with every line
  JobList list;
  LineParser parser(defaults);
  std::vector<std::string> problems;
  std::size_t number = 0, wrong = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string place = "line " + std::to_string(++number);
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::vector<std::string> found = parser.parse(line, place, list);
    for (const std::string& problem : found)
      problems.push_back(std::string(place).append(": ").append(problem));
    wrong += found.empty() ? 0U : 1U;
  }
  if (!problems.empty()) refuse(name, wrong, problems);
  return list;
}

JobList read_jobs(const std::string& path, const Arguments& defaults) {
  struct stat s {};
  if (path == "-") {
    if (isatty(STDIN_FILENO) == 0 && fstat(STDIN_FILENO, &s) == 0)
      refuse_endless(s, "standard input");
    return parse_jobs(std::cin, "standard input", defaults);
  }
  if (stat(path.c_str(), &s) == 0) refuse_endless(s, path);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const int code = errno;
    throw Error(ErrorCode::input,
                code == ENOENT   ? "missing"
                : code == EACCES ? "permission"
                                 : "io",
                "cannot be read: " + std::generic_category().message(code))
        .in_file(path);
  }
  JobList list = parse_jobs(file, path, defaults);
  if (file.bad()) throw Error(ErrorCode::input, "io", "cannot be read").in_file(path);
  return list;
}

JobList folder_jobs(const FolderJobs& folder, const Arguments& defaults, FindOptions options,
                    std::vector<std::string>& others) {
  const std::string extension = extension_of(*defaults.value("to"));
  options.read = convert_options(defaults).read;
  options.leave_out = folder.out;
  const FoundInputs found = find_inputs(folder.in, options);
  for (const fs::path& other : found.others) others.push_back(other.string());
  JobList list;
  for (const FoundInput& input : found.inputs) {
    std::string target = folder.full_names ? input.path.string() : input.stem;
    target += folder.folders ? "/" : extension;
    list.add((fs::path(folder.in) / input.path).string(), (fs::path(folder.out) / target).string(),
             defaults, printable(input.path.string(), 0));
    list.jobs.back().problem = input.problem;
  }
  return list;
}

std::string job_line(const JobList& list, std::size_t job) {
  const BatchJob& what = list.jobs[job];
  const Arguments& options = list.options[job];
  Json line = {{"in", json_bytes(what.source.string())}, {"out", json_bytes(what.target.string())}};
  for (const auto& [name, values] : options.all_values()) {
    if (values.size() == 1) {
      line[name] = json_bytes(values.front());
      continue;
    }
    for (const std::string& value : values) line[name].push_back(json_bytes(value));
  }
  for (const std::string& name : options.flags()) line[name] = true;
  return to_text(line);
}

}  // namespace tensorferry::cli
