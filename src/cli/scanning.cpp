#include "scanning.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "model.h"
#include "output.h"
#include "progress.h"
#include "signals.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kScanning[] = {
    {"j,threads", "N", "Tensors read at the same time; default: the processors, at most 4"},
    {"progress", "auto|none|json",
     "auto: a bar on a terminal; none; json: a JSON object a line on standard error"},
};

}  // namespace

OptionGroup scan_options() { return {"Run", kScanning}; }

void scan(const Arguments& arguments, const std::function<void(const ScanOptions&)>& work) {
  using Clock = std::chrono::steady_clock;
  constexpr std::uint64_t most_threads = 256;
  const auto start = Clock::now();
  auto display =
      make_progress(arguments.value("progress").value_or("auto"), arguments.flag("quiet"));
  Receipt done;
  ScanOptions options;
  options.threads =
      static_cast<unsigned>(std::min(arguments.number("threads").value_or(0), most_threads));
  options.limits = read_options(arguments).limits;
  if (display) {
    options.progress = [&](const Progress& at) {
      done.moved_bytes = at.bytes_total;
      display->update(at);
    };
  }
  CancelOnSignal signals;
  options.cancel = signals.flag();
  try {
    work(options);
  } catch (const Error& e) {
    if (signals.received() == 0) throw;
    display.reset();
    complain(e.what());
    die_by_signal(signals.received());
  }
  done.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (display) display->finish(done);
}

void WorstProblem::add(const Error& problem) {
  if (code_ == 0 || problem.code() == ErrorCode::corrupt) code_ = static_cast<int>(problem.code());
}

}  // namespace tensorferry::cli
