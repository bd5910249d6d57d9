#include "tensorferry/inject.h"

#include <string>
#include <utility>

#include "commands.h"
#include "convert_options.h"
#include "dry_run.h"
#include "edits.h"
#include "model.h"
#include "output.h"
#include "running.h"
#include "stream_output.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kInjecting[] = {
    {"o,output", "OUT", "The new model"},
    {"require-all", nullptr, "A tensor of the model that gets no weight is an error"},
    {"model-from", "FORMAT", "The model's format; the default is found by its content"},
};

std::vector<OptionGroup> option_groups() {
  std::vector<OptionGroup> groups = {{"Output", kInjecting},
                                     writing_options(),
                                     selection_options(),
                                     edit_options(),
                                     input_options()};
  for (const OptionGroup& group : running_options()) groups.push_back(group);
  return groups;
}

InjectOptions inject_options(const Arguments& arguments) {
  ConvertOptions common;
  for (const OptionGroup& group : {writing_options(), selection_options(), input_options()})
    set_options(common, arguments, group);
  InjectOptions options;
  options.weights = std::move(common.read);
  options.model.from = arguments.value("model-from").value_or("");
  options.model.limits = options.weights.limits;
  options.model.follow_links = options.weights.follow_links;
  options.selection = std::move(common.selection);
  options.bookkeeping = common.bookkeeping;
  options.edits = edits(arguments, false);
  options.unmapped = unmapped(arguments);
  options.allow_empty = common.allow_empty;
  options.require_all = arguments.flag("require-all");
  options.write_options = std::move(common.write_options);
  options.run = std::move(common.run);
  return options;
}

std::string injected(const PreparedInjection& prepared) {
  std::string text;
  if (!prepared.kept.empty())
    text += "; " + count_of(prepared.kept.size(), "tensor") + " of the model as before";
  if (!prepared.lacking.empty())
    text += "; " + count_of(prepared.lacking.size(), "weight") + " left out";
  return text;
}

void dry_run(const PreparedInjection& prepared, const Arguments& arguments,
             const RunOptions& options) {
  if (arguments.flag("quiet")) return;
  std::vector<LeftOut> left_out;
  for (const std::string& name : prepared.lacking) left_out.push_back({name, "not in the model"});
  if (arguments.flag("json")) return print(plan_json(prepared.plan, left_out, options));
  print(plan_text(prepared.plan, left_out, options));
  print_notes(prepared.plan.manifest().notes);
  print_notes(prepared.plan.layout().notes);
}

int run(const Arguments& arguments) {
  InjectOptions options = inject_options(arguments);
  PlanRunner runner(arguments, options.weights, options.run);
  options.run = runner.options;
  const auto target = arguments.value("output");
  if (!target) throw Error(ErrorCode::usage, "no_output", "-o OUT names the new model");
  Input model = open_input(arguments.operands()[0], options.model);
  const Format& format = Registry::global().of(model, options.model.from);
  const Target out = output_target(*target, std::string(format.name));
  runner.options.stream = out.stream;
  PreparedInjection prepared = prepare_injection(
      model, open_input(arguments.operands()[1], options.weights), out.path, options);
  if (arguments.flag("dry-run")) {
    dry_run(prepared, arguments, runner.options);
    return 0;
  }
  const std::string written = output_names(*target, prepared.plan.layout());
  runner.run(std::move(prepared.plan), [&](const Receipt& receipt) {
    if (runner.quiet) return;
    print_notes(receipt.notes);
    print_casts(receipt.casts);
    std::string text = summary(written, receipt);
    text.insert(text.size() - 1, injected(prepared));
    runner.say(text);
  });
  return 0;
}

}  // namespace

Command inject_command() {
  return {
      "inject",
      "put weights into an existing model",
      {.command = "inject",
       .operands = "MODEL WEIGHTS -o OUT [options]",
       .about =
           "Writes a copy of MODEL (ONNX) in which tensors have the elements that WEIGHTS, a file "
           "of any format,\nhas under the same names. Dtype and shape must be those of MODEL; all "
           "that does not fit is named at once.\nBytes of MODEL that do not have to change stay "
           "as they are: nodes, metadata, unknown fields, other tensors.\nElements in another "
           "file go to OUT.data, those that stay too. OUT appears complete or not at all.",
       .least = 2,
       .most = 2,
       .groups = option_groups(),
       .examples =
           "  tensorferry inject model.onnx model.ckpt-1000 -o tuned.onnx --exclude-optimizer\n"
           "  tensorferry inject model.onnx weights.npz -o tuned.onnx --require-all --verify\n"
           "  tensorferry inject model.onnx weights.h5 -o tuned.onnx --map names.json --transpose "
           "'conv*=3,2,0,1'\n"},
      run};
}

}  // namespace tensorferry::cli
