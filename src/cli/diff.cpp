#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "commands.h"
#include "difference_text.h"
#include "model.h"
#include "output.h"
#include "scanning.h"
#include "tensorferry/edits.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kComparing[] = {
    {"map", "FILE", "A JSON object: names in A to names in B; all others are the same in both"},
    {"atol", "X", "An element b is close to a when |a - b| <= atol + rtol * |b|"},
    {"rtol", "X", "See --atol"},
    {"ulp", "N", "... or when at most N representable values lie from one to the other"},
    {"bookkeeping", nullptr, "Compare what is not a weight, too"},
    {"json", nullptr, "Print JSON"},
    {"q,quiet", nullptr, "Print nothing but errors: the exit code says it"},
};

constexpr OptionDef kInputB[] = {
    {"from-b", "FORMAT", "B's format (--from and --in-opt are A's)"},
    {"in-opt-b", "NAME=VALUE", "An option of B's reader"},
};

double number_of(const Arguments& arguments, const std::string& name) {
  const auto text = arguments.value(name);
  if (!text) return 0;
  double value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc{} || stop != end || !std::isfinite(value) || value < 0)
    throw Error(ErrorCode::usage, "bad_value",
                "--" + name + " needs a number of at least 0, not " + printable(*text));
  return value;
}

/// Keeps what the selection means, by the names of A.
void select_tensors(Manifest& manifest, const Selection& wanted,
                    const std::map<std::string, std::string>& names) {
  const Edit edit = select(wanted);
  std::erase_if(manifest.tensors, [&](const Tensor& tensor) {
    Manifest one;
    one.tensors.emplace_back();
    const auto found = names.find(tensor.name);
    one.tensors[0].name = found == names.end() ? tensor.name : found->second;
    return edit(std::move(one)).tensors.empty();
  });
}

struct Sides {
  Manifest a, b;
};

Sides open_both(const Arguments& arguments, const std::map<std::string, std::string>& names) {
  ReadOptions options = read_options(arguments);
  Sides sides;
  sides.a = read(arguments.operands()[0], options);
  options.from = arguments.value("from-b").value_or("");
  options.options = arguments.pairs("in-opt-b");
  sides.b = read(arguments.operands()[1], options);

  for (const auto& [from, to] : names) {
    bool known = false;
    for (const Tensor& tensor : sides.a.tensors) known = known || tensor.name == from;
    if (!known)
      throw Error(ErrorCode::usage, "name_map", "A has no tensor \"" + printable(from) + "\"")
          .in_file(*arguments.value("map"));
  }
  std::map<std::string, std::string> back;
  for (const auto& [from, to] : names) back.emplace(to, from);
  const Selection wanted = selection(arguments);
  select_tensors(sides.a, wanted, {});
  select_tensors(sides.b, wanted, back);
  if (!arguments.flag("bookkeeping")) {
    sides.a = drop_bookkeeping()(std::move(sides.a));
    sides.b = drop_bookkeeping()(std::move(sides.b));
  }
  if (sides.a.tensors.empty() && sides.b.tensors.empty() && !arguments.flag("allow-empty"))
    throw Error(ErrorCode::usage, "empty_selection",
                "neither has a tensor to compare (--allow-empty accepts that)");
  return sides;
}

int run(const Arguments& arguments) {
  CompareOptions options;
  options.tolerance = {number_of(arguments, "atol"), number_of(arguments, "rtol"),
                       arguments.number("ulp").value_or(0)};
  if (const auto map = arguments.value("map")) options.names = read_name_map(*map);
  const Sides sides = open_both(arguments, options.names);

  Comparison comparison;
  scan(arguments, [&](const ScanOptions& scanning) {
    options.scan = scanning;
    comparison = compare(sides.a, sides.b, options);
  });
  const bool quiet = arguments.flag("quiet");
  if (arguments.flag("json"))
    print(to_text(comparison_json(comparison)) + "\n");
  else if (!quiet)
    print(comparison_text(comparison));
  flush_output();
  if (!quiet) {
    print_notes(sides.a.notes);
    print_notes(sides.b.notes);
  }
  for (const Difference& difference : comparison.differences)
    if (difference.problem) complain(difference.problem->what());
  return exit_code(comparison);
}

}  // namespace

Command diff_command() {
  return {
      "diff",
      "compare the tensors of two files, of any formats; exit 1 when they differ",
      {.command = "diff",
       .operands = "A B [options]",
       .about =
           "Compares the tensors of A and B, whatever their formats: what is in one only, other "
           "dtypes, other shapes,\nother bits. With a tolerance elements may be apart: any two "
           "NaNs are then close, and -0.0 is close to 0.0;\nan infinity only to itself. Exit "
           "code: 0 the same, 1 different, more when something cannot be read.",
       .least = 2,
       .most = 2,
       .groups = {{"Comparing", kComparing},
                  selection_options(),
                  input_options(),
                  {"Input of B", kInputB},
                  scan_options()},
       .examples = "  tensorferry diff model.ckpt-1000 model.onnx\n"
                   "  tensorferry diff before.h5 after.h5 --rtol 1e-5 --atol 1e-8\n"
                   "  tensorferry diff model.ckpt-1000 model.safetensors --map names.json\n"},
      run};
}

}  // namespace tensorferry::cli
