#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
    {"ulp", "N",
     "... or when at most N representable values lie from one to the other; of two dtypes, of the "
     "one with the shorter fraction, to which the other is rounded"},
    {"bookkeeping", nullptr, "Compare what is not a weight, too"},
    {"json", nullptr, "Print JSON"},
    {"q,quiet", nullptr, "Print only errors; the exit code gives the result"},
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

struct Sides {
  Manifest a, b;
};

constexpr const char* kOwnName = "diff.own_name";  // an attribute; a name may be empty

/// B's tensors by the names of A, until with_own_names().
void with_names_of_a(Manifest& b, const std::map<std::string, std::string>& names) {
  std::map<std::string, std::string> back;
  for (const auto& [in_a, in_b] : names) back.emplace(in_b, in_a);
  for (Tensor& tensor : b.tensors) {
    const auto found = back.find(tensor.name);
    if (found != back.end())
      tensor.attributes[kOwnName] = std::exchange(tensor.name, found->second);
  }
}

void with_own_names(Manifest& b) {
  for (Tensor& tensor : b.tensors) {
    const auto own = tensor.attributes.find(kOwnName);
    if (own == tensor.attributes.end()) continue;
    tensor.name = std::get<std::string>(own->second);
    tensor.attributes.erase(own);
  }
}

/// What is not model state in one format is not in the other either, which may have no roles.
void share_roles(const Manifest& from, Manifest& to) {
  std::map<std::string_view, Role> roles;
  for (const Tensor& tensor : from.tensors) {
    if (!is_model_state(tensor.role)) roles.emplace(tensor.name, tensor.role);
  }
  for (Tensor& tensor : to.tensors) {
    const auto found = roles.find(tensor.name);
    if (found != roles.end() && tensor.role == Role::weight) tensor.role = found->second;
  }
}

/// What both notes say is said once.
void print_notes_of(const Sides& sides) {
  const auto called = [](const Manifest& manifest, const char* side, const Manifest& other) {
    std::vector<Note> notes;
    for (const Note& note : manifest.notes) {
      const bool both = std::any_of(other.notes.begin(), other.notes.end(), [&](const Note& its) {
        return its.id == note.id && its.text == note.text;
      });
      if (!both)
        notes.push_back({note.id, std::string(side) + ": " + note.text});
      else if (*side == 'A')
        notes.push_back(note);
    }
    return notes;
  };
  print_notes(called(sides.a, "A", sides.b));
  print_notes(called(sides.b, "B", sides.a));
}

/// Keeps what the selection means, by the names of A.
void select_tensors(Sides& sides, const Selection& wanted,
                    const std::map<std::string, std::string>& names) {
  with_names_of_a(sides.b, names);
  share_roles(sides.a, sides.b);
  share_roles(sides.b, sides.a);
  const Edit edit = select(wanted);
  sides.a = edit(std::move(sides.a));
  sides.b = edit(std::move(sides.b));
  with_own_names(sides.b);
}

Sides open_both(const Arguments& arguments, const std::map<std::string, std::string>& names) {
  ReadOptions options = read_options(arguments);
  Sides sides;
  sides.a = read(open_input(arguments.operands()[0], options), options);
  options.from = arguments.value("from-b").value_or("");
  options.options = arguments.pairs("in-opt-b");
  sides.b = read(open_input(arguments.operands()[1], options), options);

  std::set<std::string_view> known;
  for (const Tensor& tensor : sides.a.tensors) known.insert(tensor.name);
  for (const auto& [from, to] : names) {
    if (!known.contains(from))
      throw Error(ErrorCode::usage, "name_map", "A has no tensor \"" + printable(from) + "\"")
          .in_file(*arguments.value("map"));
  }
  select_tensors(sides, selection(arguments), names);
  if (!arguments.flag("bookkeeping")) {
    sides.a = drop_bookkeeping()(std::move(sides.a));
    sides.b = drop_bookkeeping()(std::move(sides.b));
  }
  if (sides.a.tensors.empty() && sides.b.tensors.empty() && !arguments.flag("allow-empty"))
    throw Error(
        ErrorCode::usage, "empty_selection",
        "neither has a tensor to compare (--allow-empty accepts that)" + unmet_selections(sides.a));
  return sides;
}

bool has_tolerance(const Arguments& arguments) {
  return arguments.value("atol") || arguments.value("rtol") || arguments.value("ulp");
}

/// Values of other dtypes that were not compared could be.
void say_uncompared(const Comparison& comparison) {
  const auto could = [](const Difference& difference) {
    return difference.kind == Difference::Kind::dtype && difference.shape_a == difference.shape_b &&
           is_number(difference.dtype_a) && is_number(difference.dtype_b);
  };
  const auto count =
      std::count_if(comparison.differences.begin(), comparison.differences.end(), could);
  if (count == 0) return;
  complain("note: the values of " + count_of(static_cast<std::uint64_t>(count), "tensor") +
           " with another dtype are not compared; --rtol, --atol or --ulp compares them (--ulp 0: "
           "is it what a cast gives?)");
}

int run(const Arguments& arguments) {
  CompareOptions options;
  options.tolerance = {number_of(arguments, "atol"), number_of(arguments, "rtol"),
                       arguments.number("ulp"), has_tolerance(arguments)};
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
    print_notes_of(sides);
    say_uncompared(comparison);
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
           "dtypes, other shapes,\nother bits. With a tolerance (--atol, --rtol, --ulp, even of 0) "
           "values are compared, those of two dtypes too, and\nmay be apart: any two NaNs are then "
           "close, and -0.0 is close to 0.0; an infinity only to itself. Exit code:\n0 the same or "
           "close, 1 different, more when something cannot be read.",
       .least = 2,
       .most = 2,
       .groups = {{"Comparing", kComparing},
                  selection_options(),
                  input_options(),
                  {"Input of B", kInputB},
                  scan_options()},
       .examples = "  tensorferry diff model.ckpt-1000 model.onnx\n"
                   "  tensorferry diff before.h5 after.h5 --rtol 1e-5 --atol 1e-8\n"
                   "  tensorferry diff model.safetensors half.safetensors --ulp 0\n"
                   "  tensorferry diff model.ckpt-1000 model.safetensors --map names.json\n"},
      run};
}

}  // namespace tensorferry::cli
