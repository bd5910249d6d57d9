#include "batch/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tensorferry/error.h"
#include "util/json.h"
#include "util/text.h"

namespace tensorferry {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kStart = R"({"tensorferry_batch":1,)";  // of every line
constexpr std::string_view kStates[] = {"started", "finished", "failed"};

// paths are bytes, JSON is UTF-8
Json path_json(const std::string& path) {
  if (is_utf8(path)) return path;
  return Json{{"base64", base64_encode(path)}};
}

std::string path_text(const Json& json) {
  return json.is_object() ? base64_decode(json.at("base64").get<std::string>())
                          : json.get<std::string>();
}

Json files_json(const std::vector<FileRecord>& files) {
  Json array = Json::array();
  for (const FileRecord& file : files)
    array.push_back({{"path", path_json(file.path)},
                     {"size", file.size},
                     {"modified_ns", file.modified_ns},
                     {"inode", file.inode}});
  return array;
}

std::vector<FileRecord> files_of(const Json& array) {
  std::vector<FileRecord> files;
  for (const Json& file : array)
    files.push_back({path_text(file.at("path")), file.at("size").get<std::uint64_t>(),
                     file.at("inode").get<std::uint64_t>(),
                     file.at("modified_ns").get<std::int64_t>()});
  return files;
}

JournalEntry entry_of(const Json& json) {
  JournalEntry entry;
  const auto state = json.at("state").get<std::string>();
  const auto* const found = std::find(std::begin(kStates), std::end(kStates), state);
  if (found == std::end(kStates)) throw Error(ErrorCode::corrupt, "journal", "unknown state");
  entry.state = static_cast<JournalEntry::State>(found - std::begin(kStates));
  entry.job = json.at("job").get<std::string>();
  entry.target = path_text(json.at("target"));
  entry.owns = json.value("owns", false);
  if (json.contains("sources")) entry.sources = files_of(json["sources"]);
  if (json.contains("outputs")) entry.outputs = files_of(json["outputs"]);
  entry.damaged = json.value("damaged", std::uint64_t{0});
  entry.error = json.value("error", std::string());
  return entry;
}

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "1-of-2"
bool is_shard_name(std::string_view text) {
  const std::size_t of = text.find("-of-");
  return of != std::string_view::npos && is_number(text.substr(0, of)) &&
         is_number(text.substr(of + 4));
}

void write_whole(const Descriptor& fd, std::string_view bytes, const std::string& name) {
  ssize_t written;
  do {
    written = write(fd.get(), bytes.data(), bytes.size());
  } while (written < 0 && errno == EINTR);
  if (written < 0) throw system_error(ErrorCode::output, "write", errno, name);
  if (static_cast<std::size_t>(written) != bytes.size())
    throw Error(ErrorCode::output, "no_space", "the journal could only be written in part")
        .in_file(name);
}

}  // namespace

FileRecord record_of(const std::string& path, const FileIdentity& identity) {
  return {path, identity.size, identity.inode, identity.modified_ns};
}

std::optional<FileRecord> look_at(const std::string& path) {
  struct stat s {};
  if (stat(path.c_str(), &s) != 0 || !S_ISREG(s.st_mode)) return std::nullopt;
  return FileRecord{
      path, static_cast<std::uint64_t>(s.st_size), s.st_ino,
      static_cast<std::int64_t>(s.st_mtim.tv_sec) * 1'000'000'000 + s.st_mtim.tv_nsec};
}

bool unchanged(const std::vector<FileRecord>& files) {
  return std::all_of(files.begin(), files.end(),
                     [](const FileRecord& file) { return look_at(file.path) == file; });
}

std::string to_line(const JournalEntry& entry) {
  Json json = {{"tensorferry_batch", 1},
               {"state", kStates[static_cast<std::size_t>(entry.state)]},
               {"job", entry.job},
               {"target", path_json(entry.target)}};
  if (entry.owns) json["owns"] = true;
  switch (entry.state) {
    case JournalEntry::State::started:
      break;
    case JournalEntry::State::finished:
      json["sources"] = files_json(entry.sources);
      json["outputs"] = files_json(entry.outputs);
      if (entry.damaged > 0) json["damaged"] = entry.damaged;
      break;
    case JournalEntry::State::failed:
      json["error"] = entry.error;
      break;
  }
  return json.dump();
}

std::optional<JournalEntry> parse_entry(std::string_view line) {
  if (!line.starts_with(kStart)) return std::nullopt;
  try {
    return entry_of(parse_json(line));
  } catch (const Error&) {
    return std::nullopt;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

fs::path journal_path(const fs::path& journal, const BatchShard& shard) {
  if (shard.count <= 1) return journal;
  fs::path path = journal;
  path += "." + std::to_string(shard.index) + "-of-" + std::to_string(shard.count);
  return path;
}

Journal::Journal(const fs::path& path, bool sync) : name_(path.string()), sync_(sync) {
  fd_ = Descriptor(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666));
  if (!fd_) throw system_error(ErrorCode::output, "open", errno, name_);
  if (flock(fd_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    throw Error(ErrorCode::output, "busy", "another batch is writing this journal").in_file(name_);
  struct stat s {};
  if (fstat(fd_.get(), &s) != 0) throw system_error(ErrorCode::output, "fstat", errno, name_);
  if (s.st_size == 0) return;
  std::string start(std::min<std::size_t>(kStart.size(), static_cast<std::size_t>(s.st_size)), 0);
  char last = 0;
  if (pread(fd_.get(), start.data(), start.size(), 0) != static_cast<ssize_t>(start.size()) ||
      pread(fd_.get(), &last, 1, s.st_size - 1) != 1)
    throw system_error(ErrorCode::output, "pread", errno, name_);
  if (!kStart.starts_with(start) && !start.starts_with("\n"))
    throw Error(ErrorCode::output, "not_a_journal", "exists and is not the journal of a batch")
        .in_file(name_);
  if (last != '\n') write_whole(fd_, "\n", name_);
}

void Journal::append(const JournalEntry& entry) {
  write_whole(fd_, to_line(entry) + "\n", name_);
  if (sync_ && fdatasync(fd_.get()) != 0)
    throw system_error(ErrorCode::output, "fdatasync", errno, name_);
}

JournalRecords JournalRecords::load(const fs::path& journal) {
  JournalRecords records;
  std::error_code error;
  if (fs::exists(journal, error)) records.read(journal);
  const std::string start = journal.filename().string() + ".";
  const fs::path folder = journal.has_parent_path() ? journal.parent_path() : fs::path(".");
  fs::directory_iterator at(folder, error);
  for (const fs::directory_iterator end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with(start) && is_shard_name(std::string_view(name).substr(start.size())))
      records.read(at->path());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    throw Error(ErrorCode::input, "io", "cannot be listed: " + error.message())
        .in_file(folder.string());
  return records;
}

void JournalRecords::read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::input, "permission", "cannot be opened").in_file(path.string());
  struct Last {
    std::optional<JournalEntry> finished;
    bool started = false;
  };
  std::map<std::string, Last> last;
  for (std::string line; std::getline(file, line);) {
    auto entry = parse_entry(line);
    if (!entry) continue;
    Last& now = last[entry->target];
    now.started = entry->owns;
    if (entry->state == JournalEntry::State::finished) now.finished = std::move(*entry);
  }
  if (file.bad()) throw Error(ErrorCode::input, "io", "cannot be read").in_file(path.string());
  for (auto& [name, now] : last) {
    Target& target = targets_[name];
    target.started |= now.started;
    if (now.finished) target.finished.push_back(std::move(*now.finished));
  }
}

const std::vector<JournalEntry>& JournalRecords::finished(const std::string& target) const {
  static const std::vector<JournalEntry> none;
  const auto found = targets_.find(target);
  return found == targets_.end() ? none : found->second.finished;
}

bool JournalRecords::started(const std::string& target) const {
  const auto found = targets_.find(target);
  return found != targets_.end() && found->second.started;
}

bool JournalRecords::owned(const std::string& target) const {
  const auto found = targets_.find(target);
  if (found == targets_.end()) return false;
  const std::vector<JournalEntry>& entries = found->second.finished;
  return found->second.started ||
         std::any_of(entries.begin(), entries.end(),
                     [](const JournalEntry& entry) { return unchanged(entry.outputs); });
}

}  // namespace tensorferry
