#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "commands.h"
#include "json_text.h"
#include "model.h"
#include "output.h"
#include "scanning.h"
#include "tensorferry/statistics.h"
#include "values.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kOutput[] = {
    {"fail-on", "nan|inf|nan,inf", "Exit 1 when a tensor holds such numbers"},
    {"json", nullptr, "Print JSON"},
    {"q,quiet", nullptr, "Print nothing but errors and what --fail-on finds"},
};

constexpr int kDigits = 6;

struct FailOn {
  bool nan = false, inf = false;
};

FailOn fail_on(const Arguments& arguments) {
  FailOn wanted;
  for (const std::string& text : arguments.values("fail-on")) {
    for (std::size_t start = 0; start <= text.size();) {
      const std::size_t end = std::min(text.find(',', start), text.size());
      const std::string word = text.substr(start, end - start);
      if (word != "nan" && word != "inf")
        throw Error(ErrorCode::usage, "bad_value",
                    "--fail-on knows nan and inf, not " + printable(word));
      (word == "nan" ? wanted.nan : wanted.inf) = true;
      start = end + 1;
    }
  }
  return wanted;
}

std::string element_text(const Tensor& tensor, const std::array<std::byte, 16>& bytes,
                         Style style) {
  std::string text;
  append_value(text, number_dtype(tensor.dtype), bytes.data(), style);
  return text;
}

void print_text(const Manifest& manifest, const std::vector<TensorStatistics>& all) {
  using enum Table::Align;
  Table table({left, left, left, right, right, right, right, right, right, right});
  table.add({"NAME", "DTYPE", "SHAPE", "MIN", "MAX", "MEAN", "STD", "ZEROS", "NAN", "INF"});
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Tensor& tensor = manifest.tensors[i];
    const Statistics& found = all[i].statistics;
    std::vector<std::string> row = {printable(tensor.name, 0), std::string(to_string(tensor.dtype)),
                                    to_string(tensor.shape)};
    if (all[i].problem) {
      row.emplace_back("unreadable");
    } else if (found.count > 0) {
      const bool any = found.finite > 0;
      row.push_back(any ? element_text(tensor, found.min_element, Style::text) : "-");
      row.push_back(any ? element_text(tensor, found.max_element, Style::text) : "-");
      row.push_back(any ? significant(found.mean, kDigits) : "-");
      row.push_back(any ? significant(found.std, kDigits) : "-");
      for (const std::uint64_t count : {found.zeros, found.nans, found.infinities()})
        row.push_back(std::to_string(count));
    }
    table.add(std::move(row));
  }
  print(table.text());
}

Json json_of(const Tensor& tensor, const TensorStatistics& one) {
  Json object = json_tensor(tensor);
  if (one.problem) {
    object["problem"] = json_bytes(short_problem(*one.problem));
    return object;
  }
  const Statistics& found = one.statistics;
  object["count"] = found.count;
  if (found.count == 0) return object;
  object["finite"] = found.finite;
  object["zeros"] = found.zeros;
  object["nan"] = found.nans;
  object["positive_infinity"] = found.positive_infinities;
  object["negative_infinity"] = found.negative_infinities;
  if (found.finite == 0) return object;
  object["min"] = Json::parse(element_text(tensor, found.min_element, Style::json));
  object["max"] = Json::parse(element_text(tensor, found.max_element, Style::json));
  object["mean"] = json_number(found.mean);
  object["std"] = json_number(found.std);
  return object;
}

void print_json(const Manifest& manifest, const std::vector<TensorStatistics>& all) {
  print("{\"tensors\":[");
  const char* separator = "\n";
  for (std::size_t i = 0; i < all.size(); ++i) {
    print(separator + to_text(json_of(manifest.tensors[i], all[i])));
    separator = ",\n";
  }
  print("\n]}\n");
}

/// Says what was to be found; whether there is any.
bool say_found(const Tensor& tensor, const Statistics& found, const FailOn& wanted) {
  const std::string name = printable(tensor.name, 0);
  const bool nan = wanted.nan && found.nans > 0, inf = wanted.inf && found.infinities() > 0;
  if (nan)
    complain(name + ": NaN: " + std::to_string(found.nans) + " of " + std::to_string(found.count));
  if (inf)
    complain(name + ": infinite: " + std::to_string(found.infinities()) + " of " +
             std::to_string(found.count));
  return nan || inf;
}

int run(const Arguments& arguments) {
  const FailOn wanted = fail_on(arguments);
  const bool quiet = arguments.flag("quiet");
  const Model model = open_model(arguments.operands()[0], arguments);
  std::vector<TensorStatistics> all;
  scan(arguments,
       [&](const ScanOptions& options) { all = statistics_of_all(model.manifest, options); });
  if (arguments.flag("json"))
    print_json(model.manifest, all);
  else if (!quiet)
    print_text(model.manifest, all);
  flush_output();
  if (!quiet) print_notes(model.manifest.notes);

  WorstProblem worst;
  bool found = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Tensor& tensor = model.manifest.tensors[i];
    if (!all[i].problem) {
      found = say_found(tensor, all[i].statistics, wanted) || found;
    } else if (counts_as_failure(tensor, *all[i].problem)) {
      complain(all[i].problem->what());
      worst.add(*all[i].problem);
    }
  }
  return worst.code() != 0 ? worst.code() : found ? 1 : 0;
}

}  // namespace

Command stats_command() {
  return {"stats",
          "min, max, mean, std, zeros, NaN and infinities of each tensor",
          {.command = "stats",
           .operands = "FILE [options]",
           .about = "What values each tensor holds. Minimum and maximum are exact; they, mean and "
                    "standard deviation are of the\nfinite numbers. A complex element counts as "
                    "two numbers, its parts. All elements are read, and checksums\nverified.",
           .least = 1,
           .most = 1,
           .groups = {{"Output", kOutput}, selection_options(), input_options(), scan_options()},
           .examples = "  tensorferry stats model.ckpt-1000 --scope my_dense_layer\n"
                       "  tensorferry stats model.onnx --fail-on nan,inf -q\n"},
          run};
}

}  // namespace tensorferry::cli
