#include "model.h"

#include <unistd.h>

#include <utility>

#include "tensorferry/error.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kInput[] = {
    {"from", "FORMAT", "The input's format; the default is found by its content"},
    {"in-opt", "NAME=VALUE", "An option of the reader (tensorferry formats FORMAT lists them)"},
    {"names", "auto|raw|object|keras",
     "Tensor names: raw, as the file has them; for TensorFlow also object or keras; default: auto, "
     "what suits the file"},
    {"limit", "NAME=VALUE",
     "Raise what a file may demand: header=SIZE of metadata, tensors=N, rank=N, depth=N of JSON, "
     "strings=SIZE of one "
     "tensor of strings"},
    {"follow-links", nullptr,
     "Read files of the model that are links out of its folder, as into a cache or a store"},
};

constexpr OptionDef kSelection[] = {
    {"include", "GLOB", "Only tensors whose whole name matches; * crosses /"},
    {"exclude", "GLOB", "No tensor whose whole name matches; beats --include"},
    {"scope", "PREFIX", "Only PREFIX itself and what is below PREFIX/"},
    {"regex", nullptr,
     "--include and --exclude are regular expressions that match somewhere in the name"},
    {"exclude-optimizer", nullptr,
     "No optimizer state, counters, metrics, iterators and random states: state of the model only"},
    {"allow-empty", nullptr, "No tensor selected is no error"},
};

bool selects(const Selection& selection) {
  return !selection.include.empty() || !selection.exclude.empty() || !selection.scope.empty() ||
         selection.exclude_optimizer;
}

}  // namespace

OptionGroup input_options() { return {"Input", kInput}; }
OptionGroup selection_options() { return {"Selection", kSelection}; }

void set_options(ConvertOptions& options, const Arguments& arguments, const OptionGroup& group) {
  for (const OptionDef& option : group.options) {
    const std::string name = long_name(option);
    if (option.value == nullptr && arguments.flag(name)) set_option(options, name);
    for (const std::string& value : arguments.values(name)) set_option(options, name, value);
  }
}

ReadOptions read_options(const Arguments& arguments) {
  ConvertOptions options;
  set_options(options, arguments, input_options());
  return std::move(options.read);
}

Selection selection(const Arguments& arguments) {
  ConvertOptions options;
  set_options(options, arguments, selection_options());
  return std::move(options.selection);
}

Input open_input(const std::string& operand, const ReadOptions& options) {
  if (operand == "-") return Input::stream(STDIN_FILENO, "standard input", open_options(options));
  return Input::open(operand, open_options(options));
}

Model open_model(const std::string& path, const Arguments& arguments, bool check_skipped) {
  ReadOptions options = read_options(arguments);
  options.check_skipped = check_skipped;
  Input input = open_input(path, options);
  const Format& format = Registry::global().of(input, options.from);
  options.from = std::string(format.name);
  Model model{path, input, &format, read(input, options)};

  const Selection wanted = selection(arguments);
  model.manifest = select(wanted)(std::move(model.manifest));
  if (model.manifest.tensors.empty() && selects(wanted) && !arguments.flag("allow-empty"))
    throw Error(ErrorCode::usage, "empty_selection",
                "no tensor matches the selection (--allow-empty accepts that)" +
                    unmet_selections(model.manifest))
        .in_file(path);
  return model;
}

std::optional<std::uint64_t> bytes_of(const Tensor& tensor) {
  try {
    return tensor.bytes();
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool counts_as_failure(const Tensor& tensor, const Error& problem) {
  return !tensor.bookkeeping || problem.code() != ErrorCode::unsupported;
}

}  // namespace tensorferry::cli
