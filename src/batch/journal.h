// What a batch has done, one JSON object a line, written so that a process may be killed at any
// moment.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/system.h"
#include "tensorferry/batch.h"
#include "tensorferry/input.h"

namespace tensorferry {

/// One state of one file. The device is left out: it differs after a mount.
struct FileRecord {
  std::string path;
  std::uint64_t size = 0, inode = 0;
  std::int64_t modified_ns = 0;
  bool operator==(const FileRecord&) const = default;
};

FileRecord record_of(const std::string& path, const FileIdentity& identity);
/// What lies at `path` now, through links; nothing when there is no regular file.
std::optional<FileRecord> look_at(const std::string& path);

struct JournalEntry {
  enum class State : std::uint8_t {
    started,   ///< its output may appear from now on
    finished,  ///< its output is complete
    failed     ///< nothing was written
  };
  State state = State::started;
  std::string job;     ///< digest of source, target and settings
  std::string target;  ///< absolute
  /// Of a started or failed one: what lies at the target from now on is the batch's.
  bool owns = false;
  std::vector<FileRecord> sources = {}, outputs = {};
  std::uint64_t damaged = 0;
  std::string error = {};
};

/// Without the line end.
std::string to_line(const JournalEntry& entry);
/// Nothing for a line that is torn, or that another version wrote.
std::optional<JournalEntry> parse_entry(std::string_view line);

/// The file that a shard writes.
std::filesystem::path journal_path(const std::filesystem::path& journal, const BatchShard& shard);

/// Appends entries. Thread-safe: each is one write.
class Journal {
 public:
  /// A last line that is torn gets its line end. Throws Error(output); Error(output.not_a_journal)
  /// for a file that holds something else, Error(output.busy) while another process has it open.
  Journal(const std::filesystem::path& path, bool sync);
  void append(const JournalEntry& entry);

 private:
  std::string name_;
  Descriptor fd_;
  bool sync_;
};

/// What the journals of all shards say.
class JournalRecords {
 public:
  /// Journals that do not exist say nothing. Throws Error(input).
  static JournalRecords load(const std::filesystem::path& journal);

  /// Of each journal, the last time that a job wrote that target. A later one that failed wrote
  /// nothing and changes nothing.
  const std::vector<JournalEntry>& finished(const std::string& target) const;
  /// Whether a job had begun to write `target`, where nothing of others was, and did not end.
  bool started(const std::string& target) const;
  /// Whether the output at `target` is what the batch wrote or was about to write.
  bool owned(const std::string& target) const;

 private:
  struct Target {
    std::vector<JournalEntry> finished;
    bool started = false;
  };
  void read(const std::filesystem::path& path);
  std::map<std::string, Target> targets_;
};

/// Whether all these files are there as recorded.
bool unchanged(const std::vector<FileRecord>& files);

}  // namespace tensorferry
