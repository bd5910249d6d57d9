// How far a run is, on standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tensorferry/convert.h"

namespace tensorferry::cli {

/// "[#####.....]  50%  512.0 MB/s  0:02 left  1.0 GiB of 2.0 GiB", at most `width` characters. What
/// does not fit is left out: first the bar, then the amount, the time and the speed.
std::string progress_line(std::uint64_t done, std::uint64_t total, double seconds,
                          std::size_t width);
/// "0:07", "12:34", "1:02:03"
std::string clock_text(double seconds);
/// One JSON object without a line end. `event` is "progress" or "done"; while the output is read
/// back it is "verify".
std::string progress_json(std::string_view event, const Progress& progress, double seconds);

/// Shows progress. update() is called from one thread at a time.
class ProgressDisplay {
 public:
  virtual ~ProgressDisplay() = default;
  virtual void update(const Progress& progress) = 0;
  /// Takes the bar away, or says that it is done; nothing when the run failed.
  virtual void finish(const Receipt& receipt) = 0;
};

/// What --progress asks for: on a terminal, unless `quiet`, "auto" is a line.
enum class ProgressMode : unsigned char { none, line, json };
/// Throws Error(usage.bad_value).
ProgressMode progress_mode(std::string_view word, bool quiet);

/// On standard error, at once.
void write_to_stderr(std::string_view text);

/// `mode` is auto, none or json. Null when there is nothing to show. Throws Error(usage.bad_value).
std::unique_ptr<ProgressDisplay> make_progress(std::string_view mode, bool quiet);

}  // namespace tensorferry::cli
