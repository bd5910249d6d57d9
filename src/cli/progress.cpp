#include "progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "edits.h"
#include "json_text.h"
#include "output.h"
#include "tensorferry/error.h"

namespace tensorferry::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kVerifying = 10;  // characters of "verifying "

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double rate_of(std::uint64_t bytes, double seconds) {
  return seconds > 0 ? static_cast<double>(bytes) / seconds : 0;
}

/// A bar that is redrawn in place. Short runs show nothing.
class Bar : public ProgressDisplay {
 public:
  ~Bar() override { clear(); }

  void update(const Progress& progress) override {
    const double seconds = seconds_since(start_);
    constexpr double quiet_seconds = 0.5;
    if (seconds < quiet_seconds) return;
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    const std::size_t width = known ? size.ws_col - std::size_t{1} : 79;
    std::string line("\r");
    if (progress.reading_back) line += "verifying ";
    line.append(
            progress_line(progress.bytes_done, progress.bytes_total, seconds,
                          progress.reading_back && width > kVerifying ? width - kVerifying : width))
        .append("\x1b[K");
    write_to_stderr(line);
    shown_ = true;
  }
  void finish(const Receipt&) override { clear(); }

 private:
  void clear() {
    if (shown_) write_to_stderr("\r\x1b[K");
    shown_ = false;
  }

  Clock::time_point start_ = Clock::now();
  bool shown_ = false;
};

class JsonLines : public ProgressDisplay {
 public:
  void update(const Progress& progress) override {
    write_to_stderr(progress_json("progress", progress, seconds_since(start_)) + "\n");
  }
  void finish(const Receipt& receipt) override {
    for (const CastReport& cast : receipt.casts) write_to_stderr(cast_json(cast) + "\n");
    const Progress whole{receipt.moved_bytes, receipt.moved_bytes};
    write_to_stderr(progress_json("done", whole, receipt.seconds) + "\n");
  }

 private:
  Clock::time_point start_ = Clock::now();
};

}  // namespace

std::string clock_text(double seconds) {
  const auto two = [](std::uint64_t n) {
    return std::string(n < 10 ? "0" : "").append(std::to_string(n));
  };
  const auto whole = static_cast<std::uint64_t>(std::llround(std::clamp(seconds, 0.0, 359'999.0)));
  const std::uint64_t hours = whole / 3600;
  const std::uint64_t minutes = whole / 60 % 60;
  if (hours > 0) return std::to_string(hours) + ":" + two(minutes) + ":" + two(whole % 60);
  return std::to_string(minutes) + ":" + two(whole % 60);
}

std::string progress_line(std::uint64_t done, std::uint64_t total, double seconds,
                          std::size_t width) {
  done = std::min(done, total);
  const double share = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
  const double rate = rate_of(done, seconds);

  const std::string percent = std::to_string(static_cast<unsigned>(share * 100));
  std::string text = std::string(3 - std::min<std::size_t>(3, percent.size()), ' ') + percent + "%";
  const std::string amount = "  " + human_bytes(done) + " of " + human_bytes(total);
  const std::string speed = "  " + fixed(rate / 1e6, 1) + " MB/s";
  const std::string left =
      rate <= 0 ? "" : "  " + clock_text(static_cast<double>(total - done) / rate) + " left";
  for (const std::string* part : {&speed, &left, &amount})
    if (text.size() + part->size() <= width) text += *part;

  constexpr std::size_t narrowest = 10, widest = 40;
  if (text.size() + narrowest + 3 <= width) {
    const std::size_t cells = std::min(widest, width - text.size() - 3);
    const auto full = static_cast<std::size_t>(share * static_cast<double>(cells));
    text = std::string("[").append(full, '#').append(cells - full, '.').append("] ").append(text);
  }
  return text.substr(0, width);
}

std::string progress_json(std::string_view event, const Progress& progress, double seconds) {
  return to_text({{"event", progress.reading_back ? "verify" : event},
                  {"bytes", progress.bytes_done},
                  {"total", progress.bytes_total},
                  {"seconds", seconds},
                  {"rate", rate_of(progress.bytes_done, seconds)}});
}

void write_to_stderr(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

ProgressMode progress_mode(std::string_view word, bool quiet) {
  if (word == "json") return ProgressMode::json;
  if (word == "none") return ProgressMode::none;
  if (word != "auto")
    throw Error(ErrorCode::usage, "bad_value",
                "--progress is auto, none or json, not " + printable(word));
  return quiet || isatty(STDERR_FILENO) == 0 ? ProgressMode::none : ProgressMode::line;
}

std::unique_ptr<ProgressDisplay> make_progress(std::string_view mode, bool quiet) {
  switch (progress_mode(mode, quiet)) {
    case ProgressMode::json:
      return std::make_unique<JsonLines>();
    case ProgressMode::line:
      return std::make_unique<Bar>();
    case ProgressMode::none:
      break;
  }
  return nullptr;
}

}  // namespace tensorferry::cli
