#include "tensorferry/convert.h"

#include <algorithm>
#include <string>
#include <utility>

#include "commands.h"
#include "convert_options.h"
#include "dry_run.h"
#include "edits.h"
#include "output.h"
#include "progress.h"
#include "signals.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kRunning[] = {
    {"n,dry-run", nullptr, "Say what would become of each tensor, and write nothing"},
    {"json", nullptr, "With --dry-run: as one JSON object"},
    {"j,threads", "N", "How many work at the same time; default: the processors, at most 4"},
    {"memory-limit", "SIZE", "Of all buffers together, such as 512M"},
    {"progress", "MODE",
     "auto: a bar on a terminal; none; json: a JSON object a line on standard error"},
    {"q,quiet", nullptr, "Print nothing but errors"},
    {"v,verbose", nullptr, "Print the fate of each tensor on standard error"},
};

std::vector<OptionGroup> option_groups() {
  std::vector<OptionGroup> groups = conversion_options();
  groups.push_back({"Run", kRunning});
  return groups;
}

ConvertOptions options_of(const Arguments& arguments) {
  ConvertOptions options = convert_options(arguments);
  constexpr std::uint64_t most_threads = 256;
  options.run.threads =
      static_cast<unsigned>(std::min(arguments.number("threads").value_or(0), most_threads));
  options.run.memory_limit = arguments.bytes("memory-limit").value_or(options.run.memory_limit);
  return options;
}

/// What salvage left out, on standard error.
void say_damaged(const std::vector<std::string>& damaged) {
  for (const std::string& name : damaged) complain("left out, damaged: " + printable(name));
}

std::string summary(const std::string& target, const Receipt& receipt) {
  std::string text = printable(target, 0) + ": " + count_of(receipt.tensors, "tensor") + ", " +
                     exact_bytes(receipt.bytes) + " in " + fixed(receipt.seconds, 2) + " s";
  if (receipt.seconds > 0)
    text += ", " + fixed(static_cast<double>(receipt.output_bytes) / receipt.seconds / 1e6, 1) +
            " MB/s";
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

int dry_run(const PreparedConversion& prepared, const Arguments& arguments,
            const ConvertOptions& options) {
  if (!arguments.flag("quiet")) {
    const std::vector<LeftOut> left_out = left_out_of(prepared, arguments.operands()[0], options);
    if (arguments.flag("json")) {
      print(plan_json(prepared, left_out, options.run));
    } else {
      print(plan_text(prepared, left_out, options.run));
      print_notes(prepared.plan.manifest().notes);
      print_notes(prepared.plan.layout().notes);
      say_damaged(prepared.damaged);
    }
  }
  return prepared.damaged.empty() ? 0 : static_cast<int>(ErrorCode::corrupt);
}

int run(const Arguments& arguments) {
  const bool quiet = arguments.flag("quiet"), verbose = arguments.flag("verbose");
  const std::string& target = arguments.operands()[1];
  ConvertOptions options = options_of(arguments);
  auto progress = make_progress(arguments.value("progress").value_or("auto"), quiet);
  if (progress) options.run.progress = [&](const Progress& at) { progress->update(at); };

  PreparedConversion prepared = prepare(arguments.operands()[0], target, options);
  if (arguments.flag("dry-run")) return dry_run(prepared, arguments, options);
  if (verbose) {
    std::string text = prepared.plan.describe();
    if (text.ends_with('\n')) text.pop_back();
    complain(text);
  }

  CancelOnSignal signals;
  options.run.cancel = signals.flag();
  Receipt receipt;
  try {
    receipt = std::move(prepared.plan).run(options.run);
  } catch (const Error& e) {
    if (signals.received() == 0) throw;
    progress.reset();
    complain(e.what());
    die_by_signal(signals.received());
  }
  receipt.damaged.insert(receipt.damaged.end(), prepared.damaged.begin(), prepared.damaged.end());
  if (progress) progress->finish(receipt);
  if (!quiet) {
    print_notes(receipt.notes);
    print_casts(receipt.casts);
    say_damaged(receipt.damaged);
    print(summary(target, receipt));
  }
  if (signals.received() !=
      0) {  // it came after the last look: the output is complete, the parent still wants to know
    flush_output();
    die_by_signal(signals.received());
  }
  return receipt.damaged.empty() ? 0 : static_cast<int>(ErrorCode::corrupt);
}

}  // namespace

Command convert_command() {
  return {
      "convert",
      "carry tensors from one file format to another, bit for bit",
      {.command = "convert",
       .operands = "IN OUT [options]",
       .about =
           "Carries the tensors of IN to OUT, bit for bit. IN's format is found by content, OUT's "
           "by its "
           "extension or --to.\nOUT appears complete or not at all. A dtype that OUT's format "
           "lacks is carried as "
           "another type with a tag that\nbrings it back, or refused; nothing is lost silently.",
       .least = 2,
       .most = 2,
       .groups = option_groups(),
       .examples =
           "  tensorferry convert model.ckpt-1000 model.onnx\n"
           "  tensorferry convert model.ckpt-1000 weights/ --to npy --scope my_dense_layer\n"
           "  tensorferry convert model.ckpt-1000 model.h5 --out-opt compression=gzip --dry-run\n"
           "  tensorferry convert weights.bin kernel.npy --from raw --in-opt dtype=float32 "
           "--in-opt "
           "shape=784,128\n"},
      run};
}

}  // namespace tensorferry::cli
