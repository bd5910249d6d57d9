#include <nlohmann/json.hpp>
#include <string>

#include "array_text.h"
#include "commands.h"
#include "json_text.h"
#include "model.h"
#include "output.h"
#include "slice.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kOutput[] = {
    {"full", nullptr,
     "Every element; without it, of more than 1000 elements the first and last three of each "
     "dimension"},
    {"slice", "INDEXES",
     "A part, as in numpy: an index or START:STOP for each dimension, separated by commas; "
     "negative "
     "ones count from the end"},
    {"json", nullptr,
     "Print JSON: every element, in nested lists; NaN and Infinity as strings, complex numbers as "
     "[real, imaginary]; shape is that of the slice"},
};

/// What is asked about each tensor.
struct Request {
  std::string slice_text;
  std::vector<SliceItem> slice;
  bool full = false;
  Limits limits;
};

void print_text(const Tensor& tensor, const Request& request) {
  constexpr std::size_t string_limit = 200;
  const auto spans = resolve_slice(request.slice, tensor.shape);
  const Box box(tensor.shape, spans);
  const bool elide = !request.full && box.count > kElisionThreshold;
  const auto elements = open_elements(tensor, box.origin, box.end, elide, request.limits,
                                      request.full ? 0 : string_limit);
  std::string head = printable(tensor.name);
  if (!request.slice_text.empty())
    head.append("[").append(printable(request.slice_text)).append("]");
  print(head + ": " + std::string(to_string(tensor.dtype)) + " " + to_string(sliced_shape(spans)) +
        "\n");
  write_array_text(box, elide, *elements, print);
  print("\n");
  elements->finish();
}

void print_json(const Tensor& tensor, const Request& request) {
  const auto spans = resolve_slice(request.slice, tensor.shape);
  const Box box(tensor.shape, spans);
  const auto elements = open_elements(tensor, box.origin, box.end, false, request.limits, 0);
  Json head = json_tensor(tensor);
  head["shape"] = sliced_shape(spans);
  if (!request.slice_text.empty()) head["slice"] = request.slice_text;
  std::string text = to_text(head);
  text.back() = ',';
  print(text + "\"values\":");
  write_array_json(box, *elements, print);
  print("}");
  elements->finish();
}

int run(const Arguments& arguments) {
  Request request;
  request.slice_text = arguments.value("slice").value_or("");
  request.slice = parse_slice(request.slice_text);
  request.full = arguments.flag("full");
  request.limits = read_options(arguments).limits;
  const auto& operands = arguments.operands();
  const Model model = open_model(operands[0], arguments);
  std::vector<const Tensor*> tensors;
  for (std::size_t i = 1; i < operands.size(); ++i)
    tensors.push_back(&model.manifest.at(operands[i]));

  const bool json = arguments.flag("json");
  if (json) print("{\"file\":" + to_text(json_bytes(model.path)) + ",\"tensors\":[\n");
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (i > 0) print(json ? ",\n" : "\n");
    if (json)
      print_json(*tensors[i], request);
    else
      print_text(*tensors[i], request);
  }
  if (json) print("\n]}\n");
  return 0;
}

}  // namespace

Command print_command() {
  return {"print",
          "show values",
          {.command = "print",
           .operands = "FILE NAME... [options]",
           .about = "Shows the values of tensors, whatever their dtype: exact integers, and for "
                    "floating-point numbers "
                    "the fewest\ndigits that stand for them.",
           .least = 2,
           .most = static_cast<std::size_t>(-1),
           .groups = {{"Output", kOutput}, input_options()},
           .examples = "  tensorferry print model.ckpt-1000 dense/kernel dense/bias\n"
                       "  tensorferry print model.ckpt-1000 dense/kernel --slice '0:4,-1'\n"
                       "  tensorferry print model.ckpt-1000 dense/kernel --json\n"},
          run};
}

}  // namespace tensorferry::cli
