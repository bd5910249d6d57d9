// Runs the built program, and makes small models for it.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace tensorferry::testing {

struct Result {
  int code = -1;  ///< exit code, or 128 + signal when it died by one
  std::string out, err;
};

/// Where its standard output goes.
struct Redirect {
  std::string out_path = {};  ///< a file instead of a pipe; empty = a pipe that is read
  bool close_early = false;   ///< a pipe that nobody reads
  int signal = 0;             ///< sent to it
  int signal_after_ms = 0;    ///< that many milliseconds after the start
};

Result run_program(const std::vector<std::string>& arguments, const Redirect& redirect = {});

/// A folder that goes away with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string path(const std::string& name) const { return (root_ / name).string(); }
  void write(const std::string& name, const std::string& bytes) const;
  std::string read(const std::string& name) const;
  std::vector<std::string> names() const;

 private:
  std::filesystem::path root_;
};

/// A raw model: "model/manifest.json" with these entries (JSON, comma-separated), and its files.
std::string write_model(const TempFolder& folder, const std::string& entries,
                        const std::map<std::string, std::string>& files);

/// dense/kernel float32 [2, 3] = 0.5 .. 3.0,
/// dense/bias float32 [3] = -1, nan, inf; step int64 [] = 9007199254740993.
std::string small_model(const TempFolder& folder);

}  // namespace tensorferry::testing
