#include "batch_report.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "edits.h"
#include "output.h"
#include "tensorferry/error.h"

namespace tensorferry::cli {
namespace {

constexpr std::array<ErrorCode, 9> kWorstFirst = {
    ErrorCode::internal, ErrorCode::unsafe,      ErrorCode::corrupt,
    ErrorCode::input,    ErrorCode::resources,   ErrorCode::output,
    ErrorCode::lossy,    ErrorCode::unsupported, ErrorCode::usage};

std::size_t rank_of(int code) {
  const auto* const found =
      std::find_if(kWorstFirst.begin(), kWorstFirst.end(),
                   [&](ErrorCode other) { return static_cast<int>(other) == code; });
  return static_cast<std::size_t>(found - kWorstFirst.begin());
}

std::string_view name_of(BatchEvent::Kind kind) {
  switch (kind) {
    case BatchEvent::Kind::started:
      return "started";
    case BatchEvent::Kind::finished:
      return "finished";
    case BatchEvent::Kind::skipped:
      return "skipped";
    case BatchEvent::Kind::failed:
      break;
  }
  return "failed";
}

std::string arrow(const BatchJob& job) {
  return printable(job.source.string(), 0) + " -> " + printable(job.target.string(), 0);
}

/// Of all casts together.
std::uint64_t changed_values(const Receipt& receipt) {
  std::uint64_t changed = 0;
  for (const CastReport& cast : receipt.casts) changed += cast.changed;
  return changed;
}

std::string speed(std::uint64_t bytes, double seconds) {
  return seconds > 0 ? fixed(static_cast<double>(bytes) / seconds / 1e6, 1) + " MB/s" : "";
}

std::string name_of_signal(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal);
}

}  // namespace

bool Pace::is_due() {
  constexpr std::chrono::milliseconds apart{100}, quiet_start{500};
  const auto now = Clock::now();
  if (now - last_ < apart || now - start_ < quiet_start) return false;
  last_ = now;
  return true;
}

double Pace::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

FindReport::FindReport(std::string_view mode, bool quiet) : mode_(progress_mode(mode, quiet)) {}

void FindReport::update(std::size_t done, std::size_t files) {
  if (mode_ == ProgressMode::none || !pace_.is_due()) return;
  if (mode_ == ProgressMode::json) {
    write_to_stderr(to_text({{"event", "finding"}, {"files", done}, {"total", files}}) + "\n");
    return;
  }
  write_to_stderr("\rlooking for models: " + std::to_string(done) + " of " +
                  count_of(files, "file") + "\x1b[K");
  drawn_ = true;
}

void FindReport::finish() {
  if (drawn_) write_to_stderr("\r\x1b[K");
  drawn_ = false;
}

void FindReport::interrupted(int signal) {
  finish();
  complain("interrupted by " + name_of_signal(signal) +
           " while looking for models: nothing was converted");
}

int worse_code(int a, int b) { return rank_of(a) <= rank_of(b) ? a : b; }

std::string event_json(const BatchEvent& event, const BatchJob& job) {
  Json json = {{"event", name_of(event.kind)},
               {"index", event.job},
               {"in", json_bytes(job.source.string())},
               {"out", json_bytes(job.target.string())}};
  if (event.kind == BatchEvent::Kind::finished || event.kind == BatchEvent::Kind::failed)
    json["seconds"] = event.seconds;
  if (event.kind == BatchEvent::Kind::finished || event.kind == BatchEvent::Kind::skipped)
    json["bytes"] = event.bytes;
  if (event.damaged > 0) json["damaged"] = event.damaged;
  if (event.receipt != nullptr && !event.receipt->casts.empty()) {
    json["casts"] = event.receipt->casts.size();
    json["changed"] = changed_values(*event.receipt);
  }
  if (event.error != nullptr) {
    json["error"] = event.error->id();
    json["message"] = json_bytes(event.error->what());
  }
  return to_text(json);
}

BatchReport::BatchReport(const std::vector<BatchJob>& jobs, std::size_t chosen,
                         std::string_view mode, bool quiet, bool verbose)
    : jobs_(jobs),
      chosen_(chosen),
      mode_(progress_mode(mode, quiet)),
      quiet_(quiet),
      verbose_(verbose) {}

void BatchReport::tell(const BatchEvent& event) {
  if (event.kind != BatchEvent::Kind::started) ++ended_;
  running_.erase(event.job);
  if (event.kind == BatchEvent::Kind::finished) bytes_ += event.bytes;
  if (event.receipt != nullptr) {
    casts_ += event.receipt->casts.size();
    changed_ += changed_values(*event.receipt);
  }
  if (event.damaged > 0) {
    ++damaged_;
    code_ = worse_code(code_, static_cast<int>(ErrorCode::corrupt));
  }
  if (event.error != nullptr) {
    failures_.push_back({event.job, event.error->id()});
    code_ = worse_code(code_, static_cast<int>(event.error->code()));
  }
  if (mode_ == ProgressMode::json)
    write_to_stderr(event_json(event, jobs_[event.job]) + "\n");
  else
    say(event);
}

void BatchReport::say(const BatchEvent& event) {
  const BatchJob& job = jobs_[event.job];
  std::string text;
  if (event.error != nullptr)
    text = event.error->in_file(job.source.string()).what();
  else if (event.damaged > 0)
    text = arrow(job) + ": " + count_of(event.damaged, "damaged tensor") + " left out";
  else if (verbose_ && event.kind == BatchEvent::Kind::finished)
    text = arrow(job) + ": " + human_bytes(event.bytes) + " in " + fixed(event.seconds, 2) + " s";
  else if (verbose_ && event.kind == BatchEvent::Kind::skipped)
    text = arrow(job) + ": done before";
  if (!text.empty()) {
    clear_line();
    complain(text);
  }
  if (verbose_ && event.receipt != nullptr) {
    print_notes(event.receipt->notes);
    print_casts(event.receipt->casts);
  }
  draw_line();
}

void BatchReport::advance(std::size_t job, const Progress& progress) {
  running_[job] = progress;
  if (mode_ == ProgressMode::json)
    write_to_stderr(to_text({{"event", "progress"},
                             {"index", job},
                             {"in", json_bytes(jobs_[job].source.string())},
                             {"bytes", progress.bytes_done},
                             {"total", progress.bytes_total}}) +
                    "\n");
  else
    draw_line();
}

void BatchReport::draw_line() {
  if (mode_ != ProgressMode::line || !pace_.is_due()) return;
  std::uint64_t bytes = bytes_;
  for (const auto& [job, progress] : running_) bytes += progress.bytes_done;
  std::string line = "\r" + std::to_string(ended_) + " of " + count_of(chosen_, "job") + "  " +
                     human_bytes(bytes) + "  " + speed(bytes, pace_.seconds());
  if (!failures_.empty()) line += "  " + std::to_string(failures_.size()) + " failed";
  write_to_stderr(line + "\x1b[K");
  drawn_ = true;
}

void BatchReport::clear_line() {
  if (drawn_) write_to_stderr("\r\x1b[K");
  drawn_ = false;
}

void BatchReport::interrupted(int signal, std::size_t not_done, bool can_resume) {
  if (mode_ == ProgressMode::json) {
    write_to_stderr(to_text({{"event", "interrupted"},
                             {"signal", name_of_signal(signal)},
                             {"not_done", not_done},
                             {"can_resume", can_resume}}) +
                    "\n");
    return;
  }
  std::string text = "interrupted by " + name_of_signal(signal) + ": " + std::to_string(not_done) +
                     " of " + count_of(chosen_, "job") + " not done";
  if (can_resume && not_done > 0) text += "; the same command with --resume does only those";
  complain(text);
}

void BatchReport::finish(const BatchResult& result) {
  clear_line();
  if (mode_ == ProgressMode::json)
    write_to_stderr(to_text({{"event", "summary"},
                             {"finished", result.finished},
                             {"skipped", result.skipped},
                             {"failed", result.failed},
                             {"not_started", result.not_started},
                             {"bytes", result.bytes},
                             {"seconds", result.seconds}}) +
                    "\n");
  if (quiet_) return;
  Table table({Table::Align::left, Table::Align::right, Table::Align::left});
  std::string amount = exact_bytes(result.bytes) + " in " + fixed(result.seconds, 2) + " s";
  if (result.bytes > 0) amount += ", " + speed(result.bytes, result.seconds);
  table.add({"ok", std::to_string(result.finished), std::move(amount)});
  table.add({"skipped", std::to_string(result.skipped),
             result.skipped > 0 ? "done before, and nothing has changed" : ""});
  table.add({"failed", std::to_string(result.failed)});
  if (damaged_ > 0) table.add({"damaged", std::to_string(damaged_), "tensors were left out"});
  if (casts_ > 0)
    table.add({"cast", std::to_string(casts_),
               "tensors, of which " + count_of(changed_, "value") + " changed (-v tells each)"});
  if (result.not_started > 0) table.add({"not done", std::to_string(result.not_started)});
  print(table.text());
  if (failures_.empty()) return;
  std::sort(failures_.begin(), failures_.end(),
            [](const Failure& a, const Failure& b) { return a.job < b.job; });
  Table list({Table::Align::left, Table::Align::left});
  for (const Failure& failure : failures_) list.add({failure.id, arrow(jobs_[failure.job])});
  print("failed:\n" + list.text("  "));
}

}  // namespace tensorferry::cli
