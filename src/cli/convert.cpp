#include "tensorferry/convert.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "commands.h"
#include "convert_options.h"
#include "dry_run.h"
#include "edits.h"
#include "lead_to_batch.h"
#include "model.h"
#include "output.h"
#include "running.h"
#include "stream_output.h"

namespace tensorferry::cli {
namespace {

std::vector<OptionGroup> option_groups() {
  std::vector<OptionGroup> groups = conversion_options();
  for (const OptionGroup& group : running_options()) groups.push_back(group);
  return groups;
}

/// What salvage left out, on standard error.
void say_damaged(const std::vector<std::string>& damaged) {
  for (const std::string& name : damaged) complain("left out, damaged: " + printable(name));
}

int dry_run(const PreparedConversion& prepared, const Input& input, const Arguments& arguments,
            const ConvertOptions& options) {
  if (!arguments.flag("quiet")) {
    const std::vector<LeftOut> left_out = left_out_of(prepared, input, options);
    if (arguments.flag("json")) {
      print(plan_json(prepared.plan, left_out, options.run));
    } else {
      print(plan_text(prepared.plan, left_out, options.run));
      print_notes(prepared.plan.manifest().notes);
      print_notes(prepared.plan.layout().notes);
      say_damaged(prepared.damaged);
    }
  }
  return prepared.damaged.empty() ? 0 : static_cast<int>(ErrorCode::corrupt);
}

/// A folder of several models leads to the command that takes them.
PreparedConversion prepare_or_advise(const Input& input, const std::string& target,
                                     const Arguments& arguments, const ConvertOptions& options) {
  try {
    return prepare(input, target, options);
  } catch (const Error& error) {
    throw with_batch_advice(error, arguments.operands()[0], arguments.operands()[1], arguments);
  }
}

int run(const Arguments& arguments) {
  ConvertOptions options = convert_options(arguments);
  PlanRunner runner(arguments, options.read, options.run);
  options.run = runner.options;
  const Target target = output_target(arguments.operands()[1], options.to);
  options.run.stream = runner.options.stream = target.stream;
  // A misspelt format should not cost reading what comes through a pipe.
  static_cast<void>(Registry::global().for_output(
      std::filesystem::path(target.path).filename().string(), options.to));
  const Input input = open_input(arguments.operands()[0], options.read);
  PreparedConversion prepared = prepare_or_advise(input, target.path, arguments, options);
  if (arguments.flag("dry-run")) return dry_run(prepared, input, arguments, options);
  const std::string written = output_names(arguments.operands()[1], prepared.plan.layout());
  int code = 0;
  runner.run(std::move(prepared.plan), [&](Receipt& receipt) {
    receipt.damaged.insert(receipt.damaged.end(), prepared.damaged.begin(), prepared.damaged.end());
    if (!receipt.damaged.empty()) code = static_cast<int>(ErrorCode::corrupt);
    if (runner.quiet) return;
    print_notes(receipt.notes);
    print_casts(receipt.casts);
    say_damaged(receipt.damaged);
    runner.say(summary(written, receipt));
  });
  return code;
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
           "another type with a tag that\nbrings it back, or refused; nothing is lost silently. "
           "`-` is "
           "standard input, and as OUT standard output,\nwhere the format is one file.",
       .least = 2,
       .most = 2,
       .groups = option_groups(),
       .examples =
           "  tensorferry convert model.ckpt-1000 model.onnx\n"
           "  tensorferry convert model.ckpt-1000 weights/ --to npy --scope my_dense_layer\n"
           "  tensorferry convert model.ckpt-1000 model.h5 --out-opt compression=gzip --dry-run\n"
           "  tensorferry convert weights.bin kernel.npy --from raw --in-opt dtype=float32 "
           "--in-opt "
           "shape=784,128\n"
           "  curl -s URL | tensorferry convert - - --to npz > model.npz\n",
       .too_many = several_inputs_advice},
      run};
}

}  // namespace tensorferry::cli
