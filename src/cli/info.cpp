#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.h"
#include "json_text.h"
#include "model.h"
#include "output.h"
#include "tensorferry/plausibility.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kOutput[] = {{"json", nullptr, "Print JSON"}};

struct Amount {
  std::uint64_t tensors = 0, elements = 0, bytes = 0;
};

struct Summary {
  Amount weights;
  std::map<DType, Amount> dtypes;  ///< of the weights
  std::map<Role, Amount> roles;    ///< of the same
  std::uint64_t bookkeeping = 0, unreadable = 0;
};

Summary summarize(const Manifest& manifest) {
  Summary summary;
  for (const Tensor& tensor : manifest.tensors) {
    summary.unreadable += tensor.problem ? 1U : 0U;
    if (tensor.bookkeeping) {
      ++summary.bookkeeping;
      continue;
    }
    const auto bytes = bytes_of(tensor);
    for (Amount* amount :
         {&summary.weights, &summary.dtypes[tensor.dtype], &summary.roles[tensor.role]}) {
      ++amount->tensors;
      if (bytes) amount->bytes += *bytes;
      if (bytes) amount->elements += tensor.elements();
    }
  }
  return summary;
}

std::string attribute_text(const AttributeValue& value) {
  constexpr std::size_t longest = 200;
  if (const auto* text = std::get_if<std::string>(&value))
    return text->size() > longest ? exact_bytes(text->size()) + " of text or data"
                                  : printable(*text);
  if (const auto* number = std::get_if<double>(&value)) return Json(*number).dump();
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  return std::get<bool>(value) ? "true" : "false";
}

void print_json(const Model& model) {
  const Summary summary = summarize(model.manifest);
  Json document = {{"file", json_bytes(model.path)},
                   {"format", model.format->name},
                   {"title", model.format->title}};
  document["files"] = Json::array();
  for (const auto& file : model.manifest.sources)
    document["files"].push_back({{"name", json_bytes(file->name())}, {"bytes", file->size()}});
  document["tensors"] = summary.weights.tensors;
  document["elements"] = summary.weights.elements;
  document["bytes"] = summary.weights.bytes;
  document["bookkeeping"] = summary.bookkeeping;
  document["unreadable"] = summary.unreadable;
  document["dtypes"] = Json::object();
  for (const auto& [dtype, amount] : summary.dtypes)
    document["dtypes"][std::string(to_string(dtype))] = {
        {"tensors", amount.tensors}, {"elements", amount.elements}, {"bytes", amount.bytes}};
  document["roles"] = Json::object();
  for (const auto& [role, amount] : summary.roles)
    document["roles"][std::string(to_string(role))] = {
        {"tensors", amount.tensors}, {"elements", amount.elements}, {"bytes", amount.bytes}};
  document["attributes"] = json_attributes(model.manifest.attributes);
  document["notes"] = json_notes(model.manifest.notes);
  print(to_text(document) + "\n");
}

void print_text(const Model& model) {
  using enum Table::Align;
  const Summary summary = summarize(model.manifest);
  Table facts({left, left});
  facts.add({"file", printable(model.path, 0)});
  facts.add(
      {"format", std::string(model.format->name) + " (" + std::string(model.format->title) + ")"});
  std::string tensors = std::to_string(summary.weights.tensors);
  if (summary.bookkeeping > 0)
    tensors += ", and " + std::to_string(summary.bookkeeping) + " bookkeeping";
  if (summary.unreadable > 0)
    tensors += "; " + std::to_string(summary.unreadable) + " unreadable (see ls)";
  facts.add({"tensors", tensors});
  facts.add({"elements", std::to_string(summary.weights.elements)});
  facts.add({"bytes", exact_bytes(summary.weights.bytes)});
  print(facts.text());

  Table dtypes({left, right, left});
  for (const auto& [dtype, amount] : summary.dtypes)
    dtypes.add({std::string(to_string(dtype)), count_of(amount.tensors, "tensor"),
                exact_bytes(amount.bytes)});
  if (!summary.dtypes.empty()) print("dtypes\n" + dtypes.text("  "));

  Table roles({left, right, left});
  for (const auto& [role, amount] : summary.roles)
    roles.add({std::string(to_string(role)), count_of(amount.tensors, "tensor"),
               exact_bytes(amount.bytes)});
  if (summary.roles.size() > 1) print("roles\n" + roles.text("  "));

  Table files({left, left});
  for (const auto& file : model.manifest.sources)
    files.add({printable(file->name(), 0), exact_bytes(file->size())});
  if (!model.manifest.sources.empty()) print("files\n" + files.text("  "));

  Table metadata({left, left});
  for (const auto& [key, value] : model.manifest.attributes)
    metadata.add({printable(key), attribute_text(value)});
  if (!model.manifest.attributes.empty()) print("metadata\n" + metadata.text("  "));

  if (!model.manifest.notes.empty()) print("notes\n");
  for (const Note& note : model.manifest.notes) print("  " + printable(note.text, 0) + "\n");
}

int run(const Arguments& arguments) {
  Model model = open_model(arguments.operands()[0], arguments);
  for (Note& note : doubts(model.manifest)) model.manifest.notes.push_back(std::move(note));
  if (arguments.flag("json"))
    print_json(model);
  else
    print_text(model);
  return 0;
}

}  // namespace

Command info_command() {
  return {
      "info",
      "say what a file is: format, counts, bytes, dtypes, metadata",
      {.command = "info",
       .operands = "FILE [options]",
       .about =
           "Says what a file is. `tensorferry FILE` is short for it. Only metadata is read, and "
           "samples of the elements, to tell whether they look like their dtype.",
       .least = 1,
       .most = 1,
       .groups = {{"Output", kOutput}, input_options()},
       .examples = "  tensorferry info model.ckpt-1000\n"
                   "  tensorferry info model.ckpt-1000 --json\n"},
      run};
}

}  // namespace tensorferry::cli
