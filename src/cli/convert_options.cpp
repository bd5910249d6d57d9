#include "convert_options.h"

#include "edits.h"
#include "model.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kWriting[] = {
    {"to", "FORMAT", "The output's format; the default is found by its extension"},
    {"out-opt", "NAME=VALUE", "An option of the writer (tensorferry formats FORMAT lists them)"},
    {"split-max-size", "SIZE",
     "Several files of at most this many bytes of tensors each, such as 2G, where the format has "
     "such sets"},
    {"overwrite", nullptr, "Replace an output that exists"},
    {"verify", nullptr, "Read the output back and compare all bits before it gets its name"},
    {"bookkeeping", nullptr, "Write what is not a weight, too: object graphs, configuration"},
    {"salvage", nullptr, "Leave out tensors that are damaged; the exit code is still 3"},
    {"no-sync", nullptr, "Do not wait until the output is on the disk"},
    {"no-verify-source", nullptr,
     "Do not check at the end that the input has not changed meanwhile"},
};

}  // namespace

std::vector<OptionGroup> conversion_options() {
  return {{"Output", kWriting}, selection_options(), edit_options(), input_options()};
}

ConvertOptions convert_options(const Arguments& arguments) {
  ConvertOptions options;
  options.read = read_options(arguments);
  options.to = arguments.value("to").value_or("");
  options.write_options = arguments.pairs("out-opt");
  if (const auto size = arguments.value("split-max-size"))
    options.write_options["split_max_size"] = *size;
  options.selection = selection(arguments);
  options.edits = edits(arguments);
  options.bookkeeping = arguments.flag("bookkeeping");
  options.salvage = arguments.flag("salvage");
  options.allow_empty = arguments.flag("allow-empty");
  options.run.overwrite = arguments.flag("overwrite");
  options.run.verify_output = arguments.flag("verify");
  options.run.sync = !arguments.flag("no-sync");
  options.run.verify_source = !arguments.flag("no-verify-source");
  return options;
}

}  // namespace tensorferry::cli
