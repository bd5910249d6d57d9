#include "running.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "model.h"
#include "output.h"
#include "signals.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kRunning[] = {
    {"j,threads", "N", "How many work at the same time; default: the processors, at most 4"},
    {"memory-limit", "SIZE", "Of all buffers together, such as 512M"},
};

// Of the program, not of the library: set_option() does not know them.
constexpr OptionDef kMessages[] = {
    {"n,dry-run", nullptr, "Say what would become of each tensor, and write nothing"},
    {"json", nullptr, "With --dry-run: as one JSON object"},
    {"progress", "auto|none|json",
     "auto: a bar on a terminal; none; json: a JSON object a line on standard error"},
    {"q,quiet", nullptr, "Print nothing but errors"},
    {"v,verbose", nullptr, "Print the fate of each tensor on standard error"},
};

RunOptions run_options(const Arguments& arguments, ReadOptions& read, const RunOptions& run) {
  ConvertOptions options;
  options.read = read;
  options.run = run;
  set_options(options, arguments, {"Run", kRunning});
  read = std::move(options.read);
  return std::move(options.run);
}

}  // namespace

std::vector<OptionGroup> running_options() { return {{"Run", kRunning}, {"Messages", kMessages}}; }

PlanRunner::PlanRunner(const Arguments& arguments, ReadOptions& read, const RunOptions& run)
    : options(run_options(arguments, read, run)),
      quiet(arguments.flag("quiet")),
      verbose(arguments.flag("verbose")),
      progress_(make_progress(arguments.value("progress").value_or("auto"), quiet)) {
  if (progress_) options.progress = [this](const Progress& at) { progress_->update(at); };
}

void PlanRunner::run(ConversionPlan given, const std::function<void(Receipt&)>& finish) {
  // Never taken apart: the end of the process gives the memory of a million tensors back at once.
  static std::deque<ConversionPlan>& kept = *new std::deque<ConversionPlan>;
  ConversionPlan& plan = kept.emplace_back(std::move(given));
  if (verbose) {
    std::string text = plan.describe();
    if (text.ends_with('\n')) text.pop_back();
    complain(text);
  }
  CancelOnSignal signals;
  options.cancel = signals.flag();
  Receipt receipt;
  try {
    receipt = std::move(plan).run(options);
  } catch (const Error& e) {
    if (signals.received() == 0) throw;
    progress_.reset();
    complain(e.what());
    die_by_signal(signals.received());
  }
  if (progress_) progress_->finish(receipt);
  try {
    finish(receipt);
    flush_output();
  } catch (const Error& error) {
    if (error.id() != "output.stdout") throw;
    throw Error(error.code(), error.detail(), error.message() + "; the output itself is complete");
  }
  if (signals.received() !=
      0) {  // it came after the last look: the output is complete, the parent still wants to know
    die_by_signal(signals.received());
  }
}

std::string output_names(const std::string& target, const Layout& layout) {
  const bool has_one_beside = !layout.directory && layout.files.size() == 2 &&
                              layout.files[0].name.empty() && !layout.files[1].name.empty();
  if (!has_one_beside) return target;
  const std::size_t folder = target.rfind('/');
  return target + " and " +
         (folder == std::string::npos ? std::string() : target.substr(0, folder + 1)) +
         layout.files[1].name;
}

void PlanRunner::say(const std::string& text) const {
  options.stream < 0 ? print(text) : write_to_stderr(text);
}

std::string summary(const std::string& target, const Receipt& receipt) {
  std::string text = printable(target, 0) + ": " + count_of(receipt.tensors, "tensor") + ", " +
                     exact_bytes(receipt.bytes) + " in " + fixed(receipt.seconds, 2) + " s";
  if (receipt.seconds > 0)
    text +=
        ", " + fixed(static_cast<double>(receipt.moved_bytes) / receipt.seconds / 1e6, 1) + " MB/s";
  const char* separator = "; carried as other types: ";
  for (const auto& [dtype, tensors] : receipt.carried) {
    text += separator + dtype + " (" + std::to_string(tensors) + ")";
    separator = ", ";
  }
  if (receipt.verified) text += "; verified";
  if (receipt.aliases > 0) text += "; " + count_of(receipt.aliases, "alias");
  if (!receipt.damaged.empty())
    text += "; " + count_of(receipt.damaged.size(), "damaged tensor") + " left out";
  if (!receipt.notes.empty()) text += "; " + count_of(receipt.notes.size(), "note");
  return text + "\n";
}

}  // namespace tensorferry::cli
