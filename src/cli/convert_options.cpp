#include "convert_options.h"

#include "edits.h"
#include "model.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kOutput[] = {
    {"to", "FORMAT", "The output's format; the default is found by its extension"},
    {"split-max-size", "SIZE",
     "Several files of at most this many bytes of tensors each, such as 2G, where the format has "
     "such sets"},
    {"salvage", nullptr, "Leave out tensors that are damaged; the exit code is still 3"},
};

constexpr OptionDef kWriting[] = {
    {"out-opt", "NAME=VALUE", "An option of the writer (tensorferry formats FORMAT lists them)"},
    {"overwrite", nullptr, "Replace an output that exists"},
    {"verify", nullptr, "Read the output back and compare all bits before it gets its name"},
    {"bookkeeping", nullptr, "What is not a weight, too: object graphs, configuration"},
    {"no-sync", nullptr, "Do not wait until the output is on the disk"},
    {"no-verify-source", nullptr,
     "Do not check at the end that the input has not changed meanwhile"},
};

}  // namespace

OptionGroup writing_options() { return {"Writing", kWriting}; }

std::vector<OptionGroup> conversion_options() {
  return {
      {"Output", kOutput}, writing_options(), selection_options(), edit_options(), input_options()};
}

ConvertOptions convert_options(const Arguments& arguments) {
  ConvertOptions options;
  for (const OptionGroup& group : conversion_options()) set_options(options, arguments, group);
  return options;
}

}  // namespace tensorferry::cli
